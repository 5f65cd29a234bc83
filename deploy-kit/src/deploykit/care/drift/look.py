"""Looking for drift: every node asked, by Salt in its test mode and past it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from deploykit.base.errors import InputError, Refused
from deploykit.care.drift import (
    Finding,
    Kind,
    count_by_node,
    drift_of_nodes,
    drift_of_packages,
    drift_of_set,
    drift_of_states,
    summary_of,
)
from deploykit.care.drift.batches import batches
from deploykit.care.settled import demand_settled
from deploykit.ledger import Body, Ledger, view
from deploykit.ledger.bodies import observation_body
from deploykit.ledger.packages import last_seen
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Subject
from deploykit.master.facade import StatesRun
from deploykit.mirror.packageset import PackageSet
from deploykit.nodes.changes import NodeChanges, changes_since
from deploykit.nodes.inventory import Host, Inventory
from deploykit.nodes.packages import by_role, packages_of
from deploykit.nodes.ssh import reachable
from deploykit.release import manifests
from deploykit.release.packages import pinned_packages
from deploykit.rollout.work import Work


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found of an environment that runs `version`; `nodes` were asked, `changes` are what
    they said past Salt, `seconds` how long it took."""

    environment: str
    release: str
    version: str
    findings: tuple[Finding, ...]
    nodes: tuple[str, ...]
    changes: dict[str, NodeChanges]
    seconds: float


def look_for_drift(
    work: Work, records: Sequence[Record], inventory: Inventory, *, logins: bool = False
) -> Drift:
    """Compare every node of a live environment with the release that it runs; changes nothing.

    Nodes that the last deployment left out are not asked. Raises Refused if it runs nothing or is
    being deployed to, NodeUnreachable.
    """
    name = inventory.environment.name
    runs = demand_settled(records, name)
    last = view.last_attempt(records, name)
    assert last is not None
    began = time.monotonic()
    asked = [host for host in inventory.minions if host.name not in runs.left_out]
    names = tuple(host.name for host in asked)
    reachable(inventory, [inventory.master.name, *names])
    digest = runs.digest.removeprefix("sha256:")
    findings = _kit(work, inventory, digest)
    answers = _states(work, inventory, digest, asked)
    with work.progress.step(f"{name}: files, services and packages"):
        changes = changes_since(inventory, names, last.told, logins=logins)
        looks = packages_of(inventory, names)
    findings += drift_of_states(answers)
    findings += drift_of_nodes(changes, answers)
    installed = by_role(asked, {name: look.added for name, look in looks.items()})
    first = {role: host.name for host in reversed(asked) for role in host.roles}
    evidence = view.evidence(records, release=runs.digest, environment=name)
    seen = last_seen(entry for entry in evidence if not entry.copy)
    findings += drift_of_packages(seen, installed, first)
    findings += drift_of_set(installed, _pinned(work, runs.version), first)
    return Drift(
        environment=name,
        release=runs.digest,
        version=runs.version,
        findings=tuple(findings),
        nodes=names,
        changes=changes,
        seconds=time.monotonic() - began,
    )


def record_drift(ledger: Ledger, drift: Drift) -> Record:
    """Record what was found, or that nothing was. Raises Refused if another release was deployed
    meanwhile: then nobody knows what was looked at."""

    def decide(records: Sequence[Record], now: object) -> Body:
        runs = view.running(records, drift.environment)
        if (
            runs is None
            or runs.digest != drift.release
            or view.in_flight(records, drift.environment)
        ):
            raise Refused(f"{drift.environment} was deployed to meanwhile", "look again")
        return observation_body(
            Subject.DRIFT,
            environment=drift.environment,
            release=drift.release,
            seconds=drift.seconds,
            summary=summary_of(drift.findings, len(drift.nodes)),
            nodes=count_by_node(drift.findings),
        )

    return ledger.append(decide)


def _pinned(work: Work, version: str) -> PackageSet | None:
    """The set of packages that the release pins; None on a machine that does not have it, where
    what evidence saw is all there is to compare with."""
    pins = manifests(work.site).get(version)
    try:
        return pinned_packages(pins) if pins is not None else None
    except InputError:
        return None


def _kit(work: Work, inventory: Inventory, digest: str) -> list[Finding]:
    """Whether the master has the release's files as they were verified, and goes by them."""
    master, name = work.master(inventory), inventory.master.name
    with work.progress.step(f"{inventory.instance}: the kit on its master"):
        current, whole = master.current(), master.has_kit(digest)
    if current != digest:
        wrong = f"the master goes by {(current or 'nothing')[:12]}"
        return [Finding(name, Kind.KIT, digest[:12], wrong)]
    if not whole:
        return [Finding(name, Kind.KIT, digest[:12], "its files are not those of the release")]
    return []


def _states(
    work: Work, inventory: Inventory, digest: str, hosts: Sequence[Host]
) -> dict[str, StatesRun]:
    """What Salt would do on each node, a batch of them after the other."""
    answers: dict[str, StatesRun] = {}
    with work.progress.step(f"{inventory.instance}: what Salt would change") as step:
        for batch in batches(hosts):
            names = [host.name for host in batch]
            step.note(", ".join(names))
            answers |= work.master(inventory).test_states(digest, names)
    return answers
