"""What was deployed against policy: every entry that the ledger tells, judged as it was then.

Who holds an operator's key can write that a deploy began without asking policy. Pure; no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose
from deploykit.ledger.selection import select
from deploykit.policy.case import Case, Reason
from deploykit.policy.verdict import judge, judge_return, no_policy
from deploykit.site.promotion import Promotion

ENTERING = (Phase.STARTED, Phase.TAKEN_OVER)


@dataclass(frozen=True, slots=True)
class Breach:
    """An entry that policy had not allowed: its record, and the reasons that stood against it."""

    record: Record
    reasons: tuple[Reason, ...]


def breaches(records: Sequence[Record], first: int = 0) -> tuple[Breach, ...]:
    """The entries against policy among `records` from number `first` on, oldest first.

    A deploy that goes on with one that was left, or takes its place, is not judged by whose lease
    that was: whether a process was dead, its own machine knew.
    """
    entries = select(records, "deploy", topics=ENTERING, first=first)
    judged = (_judge(records, entry) for entry in entries)
    return tuple(breach for breach in judged if breach is not None)


def breach_in(records: Sequence[Record], environment: str) -> Breach | None:
    """How what `environment` runs entered against policy; None if it did not."""
    finished = view.last_finished(records, environment)
    return _judge(records, records[finished.n]) if finished else None


def past_case(records: Sequence[Record], entry: Record, policy: Mapping[str, Promotion]) -> Case:
    """The question that a deploy which began with the record `entry` was to policy then, by the
    rules that `policy` has for its environment."""
    before, name = records[: entry.n], entry.body["environment"]
    release = view.released(records, entry.body["release"])
    assert release is not None  # no record names a release that none before it made known
    left = view.in_flight(before, name)
    rule = policy.get(name, Promotion())
    own = left.id if left is not None else None
    return Case(release, name, before, entry.time, rule, own, asker=entry.actor)


def _judge(records: Sequence[Record], entry: Record) -> Breach | None:
    """The breach that `entry` is, as of the records before it; None if it enters nothing."""
    body = entry.body
    if entry.kind != "deploy" or body["phase"] not in ENTERING:
        return None
    policy = view.policy_in_force(records[: entry.n])
    if body["environment"] not in policy:
        return Breach(entry, no_policy(body["environment"], policy).reasons)
    back = body["purpose"] == Purpose.ROLLBACK
    verdict = (judge_return if back else judge)(past_case(records, entry, policy))
    return None if verdict.allowed else Breach(entry, verdict.reasons)
