"""Carrying one release onto one instance: day 0, kit, pillar, orchestration, `current`.

Every step may be repeated, so a rollout that was cut off is finished by running it again. No
ledger and no policy here: those who call it (deploy, the checks on throwaway copies) bring them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploykit.base import files
from deploykit.base.errors import DeployKitError, NodeUnreachable
from deploykit.base.printable import LINE, one_line
from deploykit.base.progress import Step
from deploykit.master.facade import Master, Orchestration, StateEvent, StatesRun
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import reachable
from deploykit.release import Release
from deploykit.release.packages import pinned_set
from deploykit.rollout.day0 import day0
from deploykit.rollout.packages import send_packages
from deploykit.rollout.salt import send_salt
from deploykit.rollout.settings import settings_for
from deploykit.rollout.work import Work
from deploykit.site.tunables import day0_variables

DAY0_FORMAT = 1
DAY0_MARK = "day0"  # beside the ssh_config: the key of what finished last, then who was left out
MINIONS_TIMEOUT = 12.0  # seconds: a dead minion is named well within 30
FIRST_MINIONS_TIMEOUT = 90.0  # after day 0: minions that started before their master


class RolloutFailed(DeployKitError):
    """The release's own content failed there; `failures` says where, first cause first."""

    def __init__(self, message: str, remedy: str, failures: tuple[Failure, ...]) -> None:
        super().__init__(message, remedy)
        self.failures = failures


@dataclass(frozen=True, slots=True)
class Failure:
    """One state that failed: which, on which minion, in which step, and why."""

    step: str
    minion: str
    state: str
    comment: str

    def __str__(self) -> str:
        where = f" on {one_line(self.minion)}" if self.minion else ""
        return f"{one_line(self.state)}{where} (stage '{self.step}'): {self.comment}"


class Guard(Protocol):
    """Whether a rollout may go on: asked before each step that changes the region."""

    @property
    def fence(self) -> int:
        """The deployment's number: the master refuses lower ones from then on."""

    def check(self) -> None:
        """Raises what stops the rollout."""

    def demand_lasting(self) -> None:
        """The same by what is known here, at once: asked while something runs that no master can
        refuse."""


def roll_out(
    work: Work,
    release: Release,
    inventory: Inventory,
    signers: str,
    guard: Guard | None = None,
    *,
    older: bool = False,
    older_packages: bool = False,
    first: Callable[[Master], None] | None = None,
) -> None:
    """Bring `release` onto the instance and make it current there.

    `signers` is the text of an allowed_signers file; the master verifies the kit against it.
    Without `guard` nobody else knows of the instance. `older`: the release was there before the
    environment's files said what they say now; settings that it does not know are left out.
    `older_packages`: where it pins packages, nodes get those also in the place of newer ones.
    `first` is called with the master before any state is applied: what it raises ends the rollout.
    Raises InputError before anything is changed if it cannot take a setting, RolloutFailed when
    a state of the release fails, NodeUnreachable by name for a dead node, DeployKitError for
    anything else; `current` has not moved then.
    """
    name = inventory.instance
    progress = work.progress
    settings = settings_for(work, release, inventory.environment, older=older)
    reachable(inventory)

    def go_on() -> None:
        if guard is not None:
            guard.check()

    go_on()
    fresh = prepare_nodes(work, release, inventory, guard)
    master = work.master(inventory)
    if guard is not None:
        go_on()
        master.fence(guard.fence)
    with progress.step(f"{name}: kit {release.version} to the master"):
        send_kit(master, release, signers)
    go_on()
    patience = FIRST_MINIONS_TIMEOUT if fresh else MINIONS_TIMEOUT
    if first is not None:
        await_minions(master, inventory, patience)
        first(master)
        go_on()
    roles = master.write_environment(release.hex, inventory, settings)
    with progress.step(f"{name}: minions answer"):
        await_minions(master, inventory, patience)
    go_on()
    with progress.step(f"{name}: orchestration of {release.version}") as step:
        narrator = Narrator(work.log(f"{name}-states"), step)
        report = master.orchestrate(
            release.hex, inventory, roles, narrator, older_packages=older_packages
        )
        work.log(f"{name}-orchestration").write_text(json.dumps(report, indent=1))
        raise_failures(work, release, inventory, report)
    go_on()
    master.make_current(release.hex)


def carries(work: Work, release: Release, inventory: Inventory) -> bool:
    """Whether the nodes really carry the release: day 0 done on these very ones, kit current."""
    ansible = release.unpacked(work.site) / "ansible"
    if not day0_done(inventory, day0_key(ansible, inventory, pinned_set(release.manifest))):
        return False
    return current_digest(work, inventory) == release.digest


def current_digest(work: Work, inventory: Inventory) -> str | None:
    """The digest that the instance's master has current; None on nodes that never had a kit."""
    digest = work.master(inventory).current()
    return f"sha256:{digest}" if digest else None


def prepare_nodes(
    work: Work, release: Release, inventory: Inventory, guard: Guard | None = None
) -> bool:
    """Run day 0 of the release, unless the very same one was finished on these very nodes.

    Returns whether it ran. It ends when `guard` does not last: it may take longer than a lease, and
    goes to the nodes by no master.
    """
    ansible = release.unpacked(work.site).resolve() / "ansible"
    if not (ansible / "playbooks" / "day0.yml").is_file():
        raise DeployKitError(
            f"release {release.version} holds no ansible/playbooks/day0.yml",
            "its gitshelf.yml needs the book 'ansible'",
        )
    key = day0_key(ansible, inventory, pinned_set(release.manifest))
    if day0_done(inventory, key):
        return False
    packages = send_packages(work, release, inventory)
    salt = send_salt(work, ansible.parent, inventory)
    with work.progress.step(f"{inventory.instance}: day 0 (Ansible)") as step:
        day0(
            inventory,
            ansible,
            shown=release.readable(work.site),
            more={**packages, **salt},
            log=work.log(f"{inventory.instance}-day0"),
            progress=step,
            still=guard.demand_lasting if guard else None,
        )
    # What goes on there was begun by the Salt of before, or by none.
    work.masters.close(inventory.instance)
    note_day0(inventory, key)
    return True


def take_over_day0(ansible: Path, inventory: Inventory, packages: str | None = None) -> None:
    """Say that day 0 of a release's folder `ansible` was done: the nodes are copies of such.

    `packages` is the set that the release pins.
    """
    note_day0(inventory, day0_key(ansible, inventory, packages))


def note_day0(inventory: Inventory, key: str) -> None:
    """Note that the day 0 of `key` finished on all nodes that are there."""
    files.write(inventory.folder / DAY0_MARK, "\n".join([key, *sorted(inventory.absent)]))


def day0_done(inventory: Inventory, key: str) -> bool:
    """Whether the day 0 that last finished was the one of `key`, and left out no node that is
    there."""
    mark = inventory.folder / DAY0_MARK
    done, *left_out = mark.read_text().split("\n") if mark.is_file() else [""]
    return done == key and inventory.absent.issuperset(left_out)


def day0_key(ansible: Path, inventory: Inventory, packages: str | None = None) -> str:
    """What day 0 depends on: the release's Ansible files and its set of `packages`, operators,
    settings of its variables, nodes and their host keys."""
    digest = hashlib.sha256(f"day0 {DAY0_FORMAT}\n".encode())
    for file in sorted(path for path in ansible.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(ansible)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    digest.update(repr(inventory.environment.operators).encode())
    if variables := day0_variables(inventory.environment.settings, ansible):
        digest.update(json.dumps(variables, sort_keys=True).encode())
    if packages is not None:
        digest.update(f"packages {packages}\n".encode())
    for host in inventory.hosts:
        digest.update(repr((host.name, host.roles, host.addresses, host.host_keys)).encode())
    return digest.hexdigest()


def send_kit(master: Master, release: Release, signers: str) -> None:
    """Upload the release's folder and have it verified and unpacked, unless it is there already."""
    if master.has_kit(release.hex):
        return
    for file in sorted(path for path in release.folder.iterdir() if path.is_file()):
        master.put_kit_file(release.hex, file.name, file.read_bytes())
    master.install_kit(release.hex, release.kit.name, signers)


def await_minions(
    master: Master,
    inventory: Inventory,
    seconds: float,
    names: Sequence[str] | None = None,
) -> None:
    """Wait until every minion (or those of `names`) answers.

    Raises NodeUnreachable naming those that do not within `seconds`.
    """
    minions = minions_of(inventory) if names is None else names
    missing = master.wait_for(minions, seconds)
    if missing:
        raise NodeUnreachable(
            f"{inventory.instance}: the Salt minion does not answer on {', '.join(missing)}",
            "\n".join(
                f"deploy-kit env ssh {inventory.instance} {name} systemctl status salt-minion"
                for name in missing
            ),
        )


def minions_of(inventory: Inventory) -> list[str]:
    """The names of the nodes that Salt configures."""
    return [host.name for host in inventory.minions]


def raise_failures(
    work: Work, release: Release, inventory: Inventory, report: Orchestration
) -> None:
    failures = tuple(Failure(**entry) for entry in report["failures"])
    if not failures:
        return
    # A node that was lost meanwhile is not the release's fault.
    suspects = sorted({failure.minion for failure in failures if failure.minion})
    await_minions(work.master(inventory), inventory, MINIONS_TIMEOUT, suspects)
    first, *others = failures
    more = [
        f"also: {one_line(failure.state)} on {one_line(failure.minion)}" for failure in others[:5]
    ]
    raise RolloutFailed(
        f"{inventory.instance}: {first}",
        "\n".join(
            [
                *more,
                f"release {release.version} is not current there; what ran before still is",
                f"every state: {work.log(f'{inventory.instance}-states')}",
            ]
        ),
        failures,
    )


class Narrator:
    """Writes each finished state to a log and shows the latest beside the running step."""

    def __init__(self, log: Path, step: Step) -> None:
        self._log, self._step, self._count = log, step, 0

    def __call__(self, event: StateEvent) -> None:
        self._count += 1
        mark = {True: "ok", False: "FAILED", None: "skipped"}.get(event["result"], "?")
        change = " (changed)" if event["changed"] else ""
        minion, state = one_line(event["minion"]), one_line(event["state"])
        with files.open_log(self._log) as log:
            log.write(f"{minion}: {state}: {mark}{change}: {one_line(event['comment'], LINE)}\n")
        self._step.note(f"{self._count} states, {minion}: {state} {mark}{change}")


def highstate(
    work: Work, release: Release, inventory: Inventory, names: Sequence[str]
) -> dict[str, StatesRun]:
    """Apply the release's whole highstate on the minions `names`; what each one said."""
    with work.progress.step(f"{inventory.instance}: second run of every state") as step:
        narrator = Narrator(work.log(f"{inventory.instance}-states"), step)
        return work.master(inventory).highstate(release.hex, names, narrator)
