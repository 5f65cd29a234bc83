"""Going back to what ran before: which release, with which data, and whether that can be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from deploykit.base import times
from deploykit.base.errors import DeployKitError, Refused
from deploykit.ledger import Ledger
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose
from deploykit.ledger.view import Attempt, attempts, evidence, last_attempt, previous, running
from deploykit.master.facade import Master, NodeBackups
from deploykit.nodes.ssh import reachable
from deploykit.release import Release, release_of
from deploykit.release.cutting import build_release
from deploykit.release.going_back import older_packages_come, read_way_back
from deploykit.rollout.database import Before, bring_back, find_before
from deploykit.rollout.work import Work
from deploykit.site.environment import Environment
from deploykit.site.going_back import WEIGHT, RollbackClass, WayBack
from deploykit.train.deploy import deploy
from deploykit.train.way_back import First, since_ran

SURELY_KEPT = timedelta(days=1)  # content keeps backups for a week


@dataclass(frozen=True, slots=True)
class Plan:
    """Going back to the release `to`, with the database of `backup`; None: data stay as they are.

    `packages`: with the vendor packages that it pins, also where nodes have newer ones; None where
    it pins none, or the same. `deploys` are the ids of all that were begun in the environment when
    it was made.
    """

    to: Release
    backup: Before | None
    deploys: tuple[str, ...]
    packages: bool | None = None


@dataclass(frozen=True, slots=True)
class Undone:
    """One deploy that going back undoes, the class of the edge that it was, and whether the
    packages of before come with it, if that is a question (`older_packages_come`)."""

    attempt: Attempt
    way: WayBack
    packages: bool | None


def plan_rollback(
    work: Work,
    ledger: Ledger,
    environment: Environment,
    to: Release | None = None,
    *,
    restore: bool = False,
) -> Plan:
    """How to go back to what ran before, or to `to`, which must have run there; changes nothing.

    After a deployment that failed or was cut off, what ran before is what still counts as
    running: it is deployed again, over whatever the failed one left. A rollback that failed or was
    cut off goes on to the release that it was going back to.

    Raises Refused where nothing ran before; where the way is forward-only; where it takes the
    database of before and that was not asked for by `restore`, or is asked for and not there, or
    not needed.
    """
    records, name = ledger.fetch_records(), environment.name
    if to is None:
        before = back_to(records, name)
        if before is None:
            raise Refused(
                f"{name}: no release ran there before the one of now", f"deploy-kit history {name}"
            )
        to = build_release(work.site, ledger, release_of(work.site, records, before))
    undone = _undone(work, ledger, records, environment, to)
    backup = _backup_for(work, environment, to, undone, restore=restore)
    begun = tuple(attempt.id for attempt in attempts(records, name))
    return Plan(to, backup, begun, _packages_come(undone))


def go_back(work: Work, ledger: Ledger, environment: Environment, plan: Plan) -> None:
    """Deploy the release of `plan`, after its database where it has one.

    Raises Refused where somebody deployed there since it was made, and whatever deploying raises.
    """
    backup, name = plan.backup, environment.name

    def restore(master: Master) -> None:
        assert backup is not None
        begun = [attempt.id for attempt in attempts(ledger.fetch_records(), name)]
        others = begun[len(plan.deploys) : -1]
        if others:
            raise DeployKitError(
                f"{name}: somebody deployed there meanwhile, so nothing was brought back",
                "look again: deploy-kit status",
            )
        bring_back(work, environment.instance, master, backup.name)

    first = None
    if backup is not None:
        first = First(restore, f", with the database of {times.iso(backup.taken)}")
    if plan.packages is False:
        work.progress.say(f"{name}: packages stay as they are: its content does not say otherwise")
    deploy(
        work,
        ledger,
        plan.to,
        environment,
        Purpose.ROLLBACK,
        first=first,
        older_packages=bool(plan.packages),
    )


def back_to(records: Sequence[Record], environment: str) -> str | None:
    """The digest of the release that a rollback of `environment` goes to, None if there is none."""
    now, last = running(records, environment), last_attempt(records, environment)
    if now is None or last is None:
        return None
    if last.purpose == Purpose.ROLLBACK and not _is_over(records, last):
        return last.release
    if last.phase != Phase.FINISHED:
        return now.digest
    before = previous(records, environment)
    return before.digest if before else None


def _is_over(records: Sequence[Record], rollback: Attempt) -> bool:
    """Whether a rollback came to its end: the release runs, and its smoke test is on record."""
    tests = evidence(
        records, release=rollback.release, environment=rollback.environment, check="smoke"
    )
    return rollback.phase == Phase.FINISHED and any(entry.n > rollback.last for entry in tests)


def _undone(
    work: Work,
    ledger: Ledger,
    records: Sequence[Record],
    environment: Environment,
    to: Release,
) -> list[Undone]:
    """The deploys that going back to `to` undoes, oldest first, each with the class of its edge."""
    ways: dict[str, tuple[WayBack, bool | None]] = {}
    tried = since_ran(records, environment.name, to.digest)
    for digest in {attempt.release for attempt in tried}:
        newer = build_release(work.site, ledger, release_of(work.site, records, digest))
        ways[digest] = (
            read_way_back(work.site, to, newer, environment),
            older_packages_come(work.site, to, newer, environment.roles),
        )
    return [Undone(attempt, *ways[attempt.release]) for attempt in tried]


def _packages_come(undone: Sequence[Undone]) -> bool | None:
    """Whether older packages come: if all releases that are undone say so; None for no question."""
    said = [one.packages for one in undone if one.packages is not None]
    return all(said) if said else None


def _backup_for(
    work: Work, environment: Environment, to: Release, undone: Sequence[Undone], *, restore: bool
) -> Before | None:
    """The backup that going back takes, None for none. Raises Refused, with what to do."""
    name = environment.name
    worst = max(undone, key=lambda one: WEIGHT[one.way.kind], default=None)
    if worst is None or worst.way.kind == RollbackClass.REVERSIBLE:
        if restore:
            raise Refused(
                f"{name}: nothing that only its database of before brings back moved since "
                f"{to.version}",
                f"deploy-kit rollback {name} keeps what was written since",
            )
        return None
    if worst.way.kind == RollbackClass.FORWARD_ONLY:
        raise Refused(
            f"{name}: cannot go back to {to.version}: {worst.attempt.version} is forward-only",
            "\n".join([*_moved(worst), "go forward with a mended release"]),
        )
    moving = [one for one in undone if one.way.kind == RollbackClass.RESTORE]
    nodes = _listed(work, environment)
    backup = find_before(nodes, [one.attempt.id for one in moving])
    silent = [node["node"] for node in nodes if node.get("silent")]
    if backup is None and not restore and not silent and _came_to_nothing(moving):
        return None
    if backup is None:
        raise _no_backup(name, to, worst, silent)
    if not restore:
        raise _takes_restore(name, to, worst, backup, last=undone[-1].attempt.phase)
    return backup


def _takes_restore(
    name: str, to: Release, worst: Undone, backup: Before, *, last: Phase
) -> Refused:
    """The refusal to go back without what was kept; `last` is how the last deploy ended."""
    loss = f"what was written since {times.human(backup.taken)} is lost then"
    lines = [f"deploy-kit rollback {name} --restore brings it back; {loss}"]
    if last != Phase.FINISHED:
        lines.append(
            f"if it failed before it migrated anything (deploy-kit history {name}), the data may "
            f"stay: deploy-kit deploy {to.version} {name}"
        )
    return Refused(_about(name, to, worst), "\n".join([*_moved(worst), *lines]))


def _no_backup(name: str, to: Release, worst: Undone, silent: Sequence[str]) -> Refused:
    """The refusal to go back where the database of before is not there."""
    why = f"; {', '.join(silent)}: no answer" if silent else ""
    lines = [
        f"what there is: deploy-kit database list {name}; with a backup of one's own:",
        f"deploy-kit database restore {name} --to TIME",
        f"deploy-kit deploy {to.version} {name}",
        "else go forward with a mended release",
    ]
    about = f"{_about(name, to, worst)}, and there is no backup of it{why}"
    return Refused(about, "\n".join([*_moved(worst), *lines]))


def _about(name: str, to: Release, worst: Undone) -> str:
    newer = worst.attempt.version
    return f"{name}: going back to {to.version} takes the database of before {newer}"


def _moved(undone: Undone) -> list[str]:
    return [str(move) for move in undone.way.moves]


def _came_to_nothing(deploys: Sequence[Undone]) -> bool:
    """Whether deploys that left no backup changed nothing: taking it is what each does first.

    Only of those of the last day, none of which came to its end: backups go with their age.
    """
    young = times.utc_now() - SURELY_KEPT
    return all(one.attempt.phase != Phase.FINISHED and one.attempt.since > young for one in deploys)


def _listed(work: Work, environment: Environment) -> list[NodeBackups]:
    inventory = work.inventory(environment)
    reachable(inventory, [inventory.master.name])
    return work.master(inventory).list_backups()
