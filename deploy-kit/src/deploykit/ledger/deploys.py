"""What the ledger tells of the deploys into an environment, and of what runs there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from deploykit.base import times
from deploykit.base.processes import Process, parse_process
from deploykit.ledger.continuity import LEASE_MOST
from deploykit.ledger.records import Record
from deploykit.ledger.releases import version_of
from deploykit.ledger.schema import Phase, Purpose
from deploykit.ledger.selection import derived_once, select

OPEN = frozenset({Phase.STARTED, Phase.RENEWED, Phase.TAKEN_OVER})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One deploy into an environment as far as the ledger tells.

    `phase` is its last one; `since` and `told` are the times of its first and last record, `n` and
    `last` their numbers; `actor` signed the last one. `environment_digest` is of what the
    environment's files said, which it brings about; None in records from before that was told.
    `left_out` are the nodes that it does not come to, each with the reason.
    """

    id: str
    environment: str
    release: str
    version: str
    over: str | None
    purpose: Purpose
    phase: Phase
    owner: Process
    lease_until: datetime
    since: datetime
    told: datetime
    n: int
    last: int
    actor: str
    summary: str
    environment_digest: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether neither `finished` nor `failed` was recorded."""
        return self.phase in OPEN


@dataclass(frozen=True, slots=True)
class Running:
    """What an environment runs: since when, by whose hand, and the record that says so.

    `environment_digest` is of its files as the last deploy of it brought them about, if it told;
    `left_out` are the nodes to which that deploy did not come, each with the reason.
    """

    digest: str
    version: str
    since: datetime
    n: int
    actor: str
    environment_digest: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


def attempts(
    records: Sequence[Record], environment: str, known: tuple[Attempt, ...] = ()
) -> tuple[Attempt, ...]:
    """Every deploy into `environment`, oldest first.

    `known` are those after an earlier record of the same ledger; what they tell is not read again.
    """
    new: list[Attempt] = []
    for attempt in latest_attempts(records, environment):
        place = bisect_left(known, attempt.n, key=lambda one: one.n)
        if known[place : place + 1] == (attempt,):  # only the last one ever changes
            return (*known[: place + 1], *reversed(new))
        new.append(attempt)
    return tuple(reversed(new))


def latest_attempts(records: Sequence[Record], environment: str) -> Iterator[Attempt]:
    """Every deploy into `environment`, newest first; no more is read than is taken.

    The words of a process whose deploy was taken over, or followed by another, do not count. A
    lease lasts no longer than it may, and ends where an admin ended it.
    """
    wanted = select(records, "deploy", "decision", environments=(environment,), newest_first=True)
    row: list[Record] = []
    for record in wanted:
        row.append(record)
        # What was before a start has no part in what comes after it.
        if record.kind == "deploy" and record.body["phase"] == Phase.STARTED:
            yield from _attempts_in(records, row)
            row = []
    yield from _attempts_in(records, row)


def _attempts_in(records: Sequence[Record], row: Sequence[Record]) -> Iterator[Attempt]:
    """The deploys, newest first, that a `row` of records of one environment tells, newest first."""
    # Each one's first record, its last one that counts, and the record that ended its lease.
    told: list[tuple[Record, Record, Record | None]] = []
    for record in reversed(row):
        body = record.body
        open_ = bool(told) and Phase(told[-1][1].body["phase"]) in OPEN
        if record.kind == "decision":
            if body["decision"] == "end-lease" and open_:
                told[-1] = (*told[-1][:2], record)
            continue
        same = open_ and told[-1][1].body["id"] == body["id"]
        phase = body["phase"]
        if phase == Phase.STARTED or (phase == Phase.TAKEN_OVER and not same):
            told.append((record, record, None))
        elif same and (phase == Phase.TAKEN_OVER or body["owner"] == told[-1][1].body["owner"]):
            told[-1] = (told[-1][0], record, None)
    for entry in reversed(told):
        version = version_of(records, entry[1].body["release"])
        assert version is not None  # no record names a release that none before it made known
        yield _attempt(*entry, version)


@derived_once
def last_attempt(records: Sequence[Record], environment: str) -> Attempt | None:
    """The newest deploy into `environment`, None if there was none."""
    return next(latest_attempts(records, environment), None)


@derived_once
def running(records: Sequence[Record], environment: str) -> Running | None:
    """What `environment` runs: the release of the last deploy that finished there.

    `since` is when it first finished in an unbroken row of deploys of that release.
    """
    newest: Attempt | None = None
    first: Attempt | None = None
    for attempt in latest_attempts(records, environment):
        finished = attempt.phase == Phase.FINISHED
        if newest is None:
            newest = first = attempt if finished else None
        elif finished and attempt.release == newest.release:
            first = attempt
        else:
            break
    if newest is None or first is None:
        return None
    return Running(
        newest.release,
        first.version,
        first.told,
        first.last,
        first.actor,
        environment_digest=newest.environment_digest,
        left_out=newest.left_out,
    )


def last_finished(records: Sequence[Record], environment: str) -> Attempt | None:
    """The last deploy that came to its end in `environment`, of whatever release."""
    ended = (a for a in latest_attempts(records, environment) if a.phase == Phase.FINISHED)
    return next(ended, None)


def last_deployed(records: Sequence[Record], environment: str) -> datetime | None:
    """When the last deployment that came to its end did, of whatever release; None without one."""
    ended = last_finished(records, environment)
    return ended.told if ended else None


def in_flight(
    records: Sequence[Record], environment: str, now: datetime | None = None
) -> Attempt | None:
    """The deploy into `environment` that neither finished nor failed.

    With `now`, only one whose lease is not over at that moment.
    """
    last = last_attempt(records, environment)
    if last is None or not last.open:
        return None
    return last if now is None or last.lease_until > now else None


def previous(records: Sequence[Record], environment: str) -> Running | None:
    """What a rollback of `environment` goes back to; rolling back again goes further back."""
    stack: list[Running] = []
    for attempt in attempts(records, environment):
        if attempt.phase != Phase.FINISHED:
            continue
        digests = [entry.digest for entry in stack]
        if attempt.purpose == Purpose.ROLLBACK and attempt.release in digests:
            del stack[digests.index(attempt.release) + 1 :]
        elif not stack or stack[-1].digest != attempt.release:
            stack.append(
                Running(attempt.release, attempt.version, attempt.told, attempt.last, attempt.actor)
            )
    return stack[-2] if len(stack) > 1 else None


def _attempt(first: Record, last: Record, ended: Record | None, version: str) -> Attempt:
    """The attempt that began with `first`; its last word is `last`."""
    body = last.body
    until = min(times.parse(body["lease_until"]), last.time + LEASE_MOST)
    return Attempt(
        id=body["id"],
        environment=body["environment"],
        release=body["release"],
        version=version,
        over=body["over"],
        purpose=Purpose(body["purpose"]),
        phase=Phase(body["phase"]),
        owner=parse_process(body["owner"]),
        lease_until=ended.time if ended else until,
        since=first.time,
        told=last.time,
        n=first.n,
        last=last.n,
        actor=last.actor,
        summary=body["summary"],
        environment_digest=body["environment_digest"],
        left_out=body["left_out"] or {},
    )
