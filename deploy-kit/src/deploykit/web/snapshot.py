"""What pages are made of: the ledger as of one reading, looked through once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from deploykit.base.trouble import Trouble
from deploykit.board import Standing, board
from deploykit.figures.delivery import Delivery, delivery
from deploykit.figures.deployments import deployments
from deploykit.figures.flakes import CheckHistory, check_histories
from deploykit.figures.stages import Soak, Stage, soaks, stages
from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase
from deploykit.ledger.selection import select
from deploykit.site import Site
from deploykit.site.promotion import Promotion


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a release in an environment: its `last` attempt there, and when it last ran,
    `since` None if it never did, `until` None as long as it does."""

    last: view.Attempt
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The ledger's `records` and what follows from them `made` at a time; it never changes.

    `lines` are the board's, in the order of promotion. `attempts`, `outcomes` (by digest then) and
    `histories` are by environment, `evidence` by the release's digest, `released` (in the order of
    cutting) and `versions` too, `observations` by environment, as `compared`: the last comparison
    of each with another. `results` is all evidence in its order. What was signed with a compromised
    key is `discounted`, by number: it is no evidence and no decision. `deliveries` has DORA's
    figures by environment. `tag` is another for each snapshot.
    """

    site: str
    records: Sequence[Record]
    made: datetime
    trouble: Trouble | None
    lines: tuple[Standing, ...]
    policy: Mapping[str, Promotion]
    released: Mapping[str, view.Released]
    versions: Mapping[str, str]
    discounted: frozenset[int]
    decisions: tuple[Record, ...]
    attempts: Mapping[str, tuple[view.Attempt, ...]]
    outcomes: Mapping[str, Mapping[str, Outcome]]
    results: tuple[view.Evidence, ...]
    evidence: Mapping[str, tuple[view.Evidence, ...]]
    observations: Mapping[str, tuple[Record, ...]]
    compared: Mapping[str, Record]
    histories: Mapping[str, tuple[CheckHistory, ...]]
    deliveries: Mapping[str, Delivery]
    stages: tuple[Stage, ...]
    soaks: tuple[Soak, ...]
    tag: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments that are shown, in the order of promotion."""
        return tuple(line.environment for line in self.lines)

    @property
    def goal(self) -> str | None:
        """The environment that releases are made for: the end of the line."""
        return self.lines[-1].environment if self.lines else None

    def line_of(self, environment: str) -> Standing:
        """The board's line of an environment that is shown."""
        return next(line for line in self.lines if line.environment == environment)


def take_snapshot(
    site: Site,
    records: Sequence[Record],
    now: datetime,
    trouble: Trouble | None = None,
    *,
    before: Snapshot | None = None,
) -> Snapshot:
    """The snapshot of `records`, none of which may be missing.

    What a snapshot of the same ledger `before` has of deploys and evidence is not read again. Reads
    the site's environment files, as `board` does; the time is an aware one in UTC.
    """
    lines = board(site, records)
    return assemble(site.name, lines, records, now, trouble, before=before)


def assemble(
    site: str,
    lines: tuple[Standing, ...],
    records: Sequence[Record],
    now: datetime,
    trouble: Trouble | None = None,
    *,
    before: Snapshot | None = None,
) -> Snapshot:
    """The snapshot of `records` with these lines of the board. Pure."""
    policy = view.policy_in_force(records)
    released = view.releases(records)
    discounted = view.discounted(records)
    evidence = _results(records, discounted, before)
    known = before.attempts if before else {}
    names = [line.environment for line in lines]
    attempts = {name: view.attempts(records, name, known.get(name, ())) for name in names}
    cut = {digest: one.time for digest, one in released.items() if one.pins}
    began = records[0].time if records else now
    deliveries = {
        name: delivery(name, deployments(tried), cut, began, now)
        for name, tried in attempts.items()
    }
    since = min((figures.since for figures in deliveries.values()), default=now)
    sources = {name: policy[name].source if name in policy else None for name in attempts}
    by_release: dict[str, list[view.Evidence]] = {}
    for entry in evidence:
        by_release.setdefault(entry.release, []).append(entry)
    observed: dict[str, list[Record]] = {}
    compared: dict[str, Record] = {}
    for record in select(records, "observation"):
        name, against = record.body["environment"], record.body["against"]
        if against:
            compared |= {name: record, against["environment"]: record}
        else:
            observed.setdefault(name, []).append(record)
    return Snapshot(
        site=site,
        records=records,
        made=now,
        trouble=trouble,
        lines=lines,
        policy=policy,
        released=released,
        versions={digest: release.version for digest, release in released.items()},
        discounted=discounted,
        decisions=tuple(r for r in select(records, "decision") if r.n not in discounted),
        attempts=attempts,
        outcomes={name: outcomes_of(tried) for name, tried in attempts.items()},
        results=evidence,
        evidence={digest: tuple(entries) for digest, entries in by_release.items()},
        observations={name: tuple(seen) for name, seen in observed.items()},
        compared=compared,
        histories=check_histories(evidence, since),
        deliveries=deliveries,
        stages=stages(sources, attempts, cut, since),
        soaks=soaks(sources, attempts, {name: rule.soak for name, rule in policy.items()}),
    )


def _results(
    records: Sequence[Record], discounted: frozenset[int], before: Snapshot | None
) -> tuple[view.Evidence, ...]:
    """All evidence, in its order."""
    if before is None or before.discounted != discounted:
        return view.evidence(records)
    return (*before.results, *view.evidence(records, first=len(before.records)))


def outcomes_of(attempts: Sequence[view.Attempt]) -> dict[str, Outcome]:
    """What became of each release that was ever deployed into an environment, by digest."""
    outcomes: dict[str, Outcome] = {}
    running: str | None = None
    for attempt in attempts:
        before = outcomes.get(attempt.release, Outcome(attempt))
        outcomes[attempt.release] = replace(before, last=attempt)
        if attempt.phase != Phase.FINISHED or attempt.release == running:
            continue
        if running is not None:
            outcomes[running] = replace(outcomes[running], until=attempt.told)
        outcomes[attempt.release] = Outcome(attempt, since=attempt.told)
        running = attempt.release
    return outcomes
