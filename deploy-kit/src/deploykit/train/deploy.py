"""Deploying a release into an environment, with the ledger as witness and policy as doorkeeper."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from deploykit.base.errors import DeployKitError, Refused
from deploykit.checks import FAILED, NOT_APPLICABLE, PASSED, Outcome
from deploykit.checks.smoke import smoke
from deploykit.evidence import Finding, record
from deploykit.ledger import Ledger
from deploykit.ledger.kit_signers import kit_signers, kit_signers_back
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose, SecretsEvent
from deploykit.ledger.view import Attempt, evidence, last_attempt, previous, running
from deploykit.providers import provider_for
from deploykit.release import Release, release_of
from deploykit.release.cutting import build_release
from deploykit.release.proof import prove
from deploykit.rollout import RolloutFailed, current_digest, roll_out
from deploykit.rollout.settings import settings_for
from deploykit.rollout.work import Work
from deploykit.secrets.store import tell
from deploykit.site.description import environment_digest
from deploykit.site.environment import Environment
from deploykit.train.attendance import Attendance, attending
from deploykit.train.lease_keeper import keeping_lease
from deploykit.train.origin import look, lost_secrets, refuse_lost_secrets


def deploy(
    work: Work,
    ledger: Ledger,
    release: Release,
    environment: Environment,
    purpose: Purpose = Purpose.DEPLOY,
    *,
    new_secrets: bool = False,
) -> None:
    """Bring `release` into `environment` and smoke-test it there; all of it goes on record.

    The deployment itself is evidence: of `upgrade` over what ran before, or of `bootstrap` on
    nodes that are all bare. A master that lost the secrets which the nodes work with gets other
    ones only with `new_secrets`. Nodes that are missing are left out as far as policy lets them,
    and named on record. Raises InputError where the release does not know a setting of the
    environment (going back leaves it out), Refused with every reason of policy, or for such a
    master, RolloutFailed where a state fails (recorded; what ran before stays current),
    DeployKitError otherwise.
    """
    records = ledger.fetch_records()
    signers = kit_signers(records)
    if purpose == Purpose.ROLLBACK:
        signers = kit_signers_back(records, release.digest, environment.name)
    prove(release, records, signers)
    older = purpose == Purpose.ROLLBACK
    if not older:
        settings_for(work, release, environment, older=False)  # before anything is on record
    attendance = attending(work, release, environment, records)
    inventory, left_out = attendance.inventory, attendance.left_out
    began = time.monotonic()
    origin = look(work, inventory, records, release.digest)
    lost = lost_secrets(records, environment.name, origin)
    if lost and not new_secrets:
        refuse_lost_secrets(work, inventory, release.version, origin)
    with keeping_lease(
        ledger,
        release,
        environment.name,
        purpose,
        environment_digest=environment_digest(environment),
        left_out=left_out,
    ) as lease:
        there = current_digest(work, inventory)
        edge = edge_of(lease.over, there, release.digest, bare=origin.bare)
        proven = Proven(release, environment, edge, left_out)
        try:
            roll_out(work, release, inventory, signers, lease, older=older)
        except RolloutFailed as failure:
            lease.check()  # a deployment that lost its lease proves nothing
            failed = Outcome(FAILED, failure.message, {})
            record_deployment(ledger, proven, failed, seconds=time.monotonic() - began)
            raise
        finally:
            if lost:
                tell(work, ledger, inventory, SecretsEvent.ROTATED)
        lease.finish(f"{time.monotonic() - began:.0f} s")
    tag_release(work, release, environment)
    outcome = smoke_test(work, ledger, release, attendance)
    record_deployment(ledger, proven, outcome, seconds=time.monotonic() - began)
    demand_passed(work, release, environment, outcome)


def tag_release(work: Work, release: Release, environment: Environment) -> None:
    """Have the nodes' tags name the release that runs there, for `env list`."""
    provider_for(work.site, environment).tag(environment.instance, {"release": release.version})


def smoke_test(work: Work, ledger: Ledger, release: Release, attendance: Attendance) -> Outcome:
    """Smoke-test the release that was just deployed, where it was, and record what was found.

    Raises DeployKitError, and records nothing, if somebody deployed there since.
    """
    began = time.monotonic()
    inventory = attendance.inventory
    name = inventory.environment.name
    before = last_attempt(ledger.fetch_records(), name)
    with work.progress.step(f"{inventory.instance}: smoke test"):
        outcome = smoke(work, release, inventory)
    seconds = time.monotonic() - began
    last = last_attempt(ledger.fetch_records(), name)
    assert last is not None  # it was just deployed
    if last != before or (last.release, last.phase) != (release.digest, Phase.FINISHED):
        raise DeployKitError(
            f"{name}: {last.owner} deployed {last.version} there before {release.version} was "
            "tested: what the test found is about neither",
            "deploy-kit status",
        )
    left_out = attendance.left_out
    record(ledger, Finding("smoke", release, None, name, outcome, seconds, left_out=left_out))
    return outcome


def demand_passed(work: Work, release: Release, environment: Environment, outcome: Outcome) -> None:
    """Raise DeployKitError where the smoke test of a deployed release failed."""
    if outcome.result != PASSED:
        raise DeployKitError(
            f"{environment.name}: release {release.version} is deployed but its smoke test "
            f"fails: {outcome.summary}",
            f"deploy-kit rollback {environment.name}\n"
            f"the whole test: {work.log(f'{environment.name}-smoke')}",
        )


@dataclass(frozen=True, slots=True)
class Edge:
    """What a deployment goes over, and whether that proves anything to policy."""

    over: str | None
    counts: bool


@dataclass(frozen=True, slots=True)
class Proven:
    """What a deployment is evidence of: the release, where, over what, and on which nodes not."""

    release: Release
    environment: Environment
    edge: Edge
    left_out: Mapping[str, str]


def edge_of(told: str | None, there: str | None, release: str, *, bare: bool) -> Edge:
    """The edge of a deployment of `release`; all are digests.

    `told` is what the ledger says that runs, `there` what the master has current. Where every node
    is `bare` it is a bootstrap, whatever the ledger tells of nodes that are gone; a master that was
    made anew beside nodes in use proves nothing. A kit that is current already was moved to by a
    deployment that was cut off before it could record it.
    """
    if there is None:
        return Edge(None, bare)
    return Edge(told, told != release and there in (told, release))


def record_deployment(ledger: Ledger, proven: Proven, outcome: Outcome, *, seconds: float) -> None:
    """Record what a deployment proved: `upgrade` over another release, or `bootstrap`."""
    release, edge, name = proven.release, proven.edge, proven.environment.name
    if not edge.counts:
        return
    if edge.over is None:
        nothing = Outcome(NOT_APPLICABLE, "nothing ran there", {})
        record(ledger, Finding("upgrade", release, None, name, nothing, 0))
    check, left_out = "upgrade" if edge.over else "bootstrap", proven.left_out
    record(ledger, Finding(check, release, edge.over, name, outcome, seconds, left_out=left_out))


def rollback(
    work: Work, ledger: Ledger, environment: Environment, to: Release | None = None
) -> Release:
    """Deploy what ran before (or `to`, which must have run there). Returns what runs now.

    After a deployment that failed or was cut off, what ran before is what still counts as
    running: it is deployed again, over whatever the failed one left. A rollback that failed or was
    cut off goes on to the release that it was going back to. Raises Refused where nothing ran
    before, or where a component's database schema has moved since and the older release cannot
    work with it.
    """
    records = ledger.fetch_records()
    now = running(records, environment.name)
    if to is None:
        before = back_to(records, environment.name)
        if before is None:
            raise Refused(
                f"{environment.name}: no release ran there before the one of now",
                f"deploy-kit history {environment.name}",
            )
        to = build_release(work.site, ledger, release_of(work.site, records, before))
    if now is not None:
        ours = build_release(work.site, ledger, release_of(work.site, records, now.digest))
        refuse_schema_change(work, environment, ours, to)
    deploy(work, ledger, to, environment, Purpose.ROLLBACK)
    return to


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


def schemas_moved(
    ours: Mapping[str, str], theirs: Mapping[str, str], known: Collection[str]
) -> list[str]:
    """Where an older release declares another schema (`theirs`) than the running one (`ours`).

    `known` are the components that the older one has: what it has not touches nobody's database.
    """
    return [
        f"{component}: {theirs.get(component, 'none')} before, {schema} now"
        for component, schema in sorted(ours.items())
        if component in known and theirs.get(component) != schema
    ]


def refuse_schema_change(work: Work, environment: Environment, runs: Release, to: Release) -> None:
    """Raise Refused if `runs`, the running release, declares another schema than `to`."""
    ours = runs.schemas(work.site)
    states = to.unpacked(work.site) / "salt" / "states"
    known = {component for component in ours if (states / component).is_dir()}
    moved = schemas_moved(ours, to.schemas(work.site), known)
    if moved:
        raise Refused(
            f"{environment.name}: cannot roll back to {to.version}, the database schema moved",
            "\n".join(
                [*moved, "roll forward with a mended release, or restore the database's backup"]
            ),
        )
