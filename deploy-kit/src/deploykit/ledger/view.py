"""What the ledger's records mean: pure derivations, so that every state shown has one source."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploykit.base import times
from deploykit.ledger.bodies import Edge, Rehearsed
from deploykit.ledger.deploys import (
    Attempt,
    Running,
    attempts,
    in_flight,
    last_attempt,
    last_deployed,
    last_finished,
    latest_attempts,
    previous,
    running,
)
from deploykit.ledger.in_force import (
    parse_policy,
    policy_in_force,
    policy_json,
    signers_in_force,
)
from deploykit.ledger.kinds import COMPROMISED, ROLLBACK
from deploykit.ledger.records import Record
from deploykit.ledger.releases import (
    Released,
    newest_release,
    released,
    releases,
    version_of,
    versions_of,
)
from deploykit.ledger.schema import Result
from deploykit.ledger.selection import derived_once, select
from deploykit.site.going_back import RollbackClass

__all__ = [
    "Attempt",
    "Compromise",
    "Decision",
    "Evidence",
    "Released",
    "Running",
    "attempts",
    "compromises",
    "decisions",
    "discounted",
    "disturbances",
    "evidence",
    "in_flight",
    "is_covered",
    "last_attempt",
    "last_deployed",
    "last_finished",
    "last_rehearsal",
    "latest_attempts",
    "newest_release",
    "parse_policy",
    "policy_in_force",
    "policy_json",
    "previous",
    "released",
    "releases",
    "running",
    "signers_in_force",
    "version_of",
    "versions_of",
]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A recorded outcome of a check; `rollback` is what a rehearsal of going back came to.
    `provider` made the copy that it was found in, if the environment's own did not."""

    n: int
    time: datetime
    actor: str
    check: str
    release: str
    version: str
    over: str | None
    environment: str
    edge: str
    copy: bool
    attempt: int
    result: Result
    seconds: float
    summary: str
    packages: Mapping[str, Mapping[str, str]]
    rollback: Rehearsed | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A recorded act of a person."""

    n: int
    time: datetime
    actor: str
    decision: str
    environment: str | None
    release: str | None
    check: str | None
    reason: str
    edge: Edge | None = None  # for which alone it holds; None in records from before that was told
    page: str | None = None  # SHA-256 of the page that they read, if they named one
    until: datetime | None = None  # when it is over; None for never


@dataclass(frozen=True, slots=True)
class Compromise:
    """That what `principal` signed counts no more, from record `since` on and before `until`."""

    principal: str
    since: int
    until: int

    def covers(self, n: int, actor: str) -> bool:
        """Whether record `n` by `actor` is of that."""
        return actor == self.principal and self.since <= n < self.until


@derived_once
def compromises(records: Sequence[Record]) -> tuple[Compromise, ...]:
    """What no longer counts: signed with a key that was compromised."""
    return tuple(
        Compromise(entry["principal"], entry["since"], record.n)
        for record in select(records, "signers", topics=(COMPROMISED,))
        for entry in record.body["compromised"]
    )


def is_covered(compromised: Iterable[Compromise], n: int, actor: str) -> bool:
    """Whether record `n` by `actor` is of one of these, and so counts no more."""
    return any(compromise.covers(n, actor) for compromise in compromised)


def discounted(records: Sequence[Record]) -> frozenset[int]:
    """The numbers of the records that no longer count."""
    return frozenset(
        record.n
        for one in compromises(records)
        for record in records[one.since : one.until]
        if record.actor == one.principal
    )


def evidence(
    records: Sequence[Record],
    *,
    release: str | None = None,
    environment: str | None = None,
    check: str | None = None,
    first: int = 0,
) -> tuple[Evidence, ...]:
    """The evidence that fits every argument given, oldest first, from record number `first` on;
    without what was signed with a compromised key."""
    ignored = compromises(records)
    named = functools.cache(functools.partial(version_of, records))
    environments = () if environment is None else (environment,)
    topics = () if check is None else (check,)
    return tuple(
        Evidence(
            record.n,
            record.time,
            record.actor,
            **{
                **record.body,
                "result": Result(record.body["result"]),
                "rollback": _rehearsed(record.body["rollback"]),
                "version": named(record.body["release"]),
            },
        )
        for record in select(
            records,
            "evidence",
            topics=topics,
            environments=environments,
            release=release,
            first=first,
        )
        if not is_covered(ignored, record.n, record.actor)
    )


def last_rehearsal(
    records: Sequence[Record], over: str | None, release: str, environment: str | None = None
) -> Evidence | None:
    """The last time that going back from `release` to `over` (digests) was rehearsed, in a copy of
    `environment` or of any; None if it never was."""
    rehearsals = [
        entry
        for entry in evidence(records, release=release, environment=environment, check=ROLLBACK)
        if entry.copy and entry.over == over and entry.rollback is not None
    ]
    return rehearsals[-1] if rehearsals else None


def disturbances(
    records: Sequence[Record], environment: str, release: str
) -> Iterator[tuple[datetime, str]]:
    """When `environment` did not run well with `release`, oldest first, and what it was: a check
    that failed there, drift, firing alerts. That it is not like another is none of these."""
    kinds = ("observation", "evidence")
    for record in select(records, *kinds, environments=(environment,), release=release):
        body = record.body
        if record.kind == "observation" and not (body["clean"] or body["against"]):
            yield record.time, str(body["subject"])
        if record.kind == "evidence" and body["result"] == Result.FAILED and not body["copy"]:
            yield record.time, f"{body['check']} failed"


def decisions(
    records: Sequence[Record],
    *names: str,
    environments: Sequence[str | None] = (),
    release: str | None = None,
    newest_first: bool = False,
) -> Iterator[Decision]:
    """The decisions with one of these names, about one of `environments` (None is all of them) and
    `release`; every one where nothing is said. Without what was signed with a compromised key."""
    ignored = compromises(records)
    wanted = select(
        records,
        "decision",
        topics=names,
        environments=environments,
        release=release,
        newest_first=newest_first,
    )
    return (
        _decision(record) for record in wanted if not is_covered(ignored, record.n, record.actor)
    )


def _rehearsed(value: Mapping[str, Any] | None) -> Rehearsed | None:
    return Rehearsed(RollbackClass(value["class"]), value["seconds"]) if value else None


def _decision(record: Record) -> Decision:
    given = dict(record.body)
    edge, until = given.get("edge"), given.get("until")
    given["edge"] = Edge(edge["over"]) if edge else None
    given["until"] = times.parse(until) if until else None
    return Decision(record.n, record.time, record.actor, **given)
