"""What was deployed against policy: every entry that the ledger tells, judged as it was then.

Who holds an operator's key can write that a deploy began without asking policy. Pure; no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose
from deploykit.policy.case import Reason
from deploykit.policy.verdict import evaluate, evaluate_rollback


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
    released = view.releases(records)
    judged = (_judge(records, record, released) for record in records[first:])
    return tuple(breach for breach in judged if breach is not None)


def breach_in(records: Sequence[Record], environment: str) -> Breach | None:
    """How what `environment` runs entered against policy; None if it did not."""
    finished = [a for a in view.attempts(records, environment) if a.phase == Phase.FINISHED]
    if not finished:
        return None
    return _judge(records, records[finished[-1].n], view.releases(records))


def _judge(
    records: Sequence[Record], record: Record, released: Mapping[str, view.Released]
) -> Breach | None:
    """The breach that `record` is, as of the records before it; None if it enters nothing."""
    body = record.body
    if record.kind != "deploy" or body["phase"] not in (Phase.STARTED, Phase.TAKEN_OVER):
        return None
    before, name = records[: record.n], body["environment"]
    left = view.in_flight(before, name)
    own = left.id if left is not None else None
    release = released[body["release"]]
    if body["purpose"] == Purpose.ROLLBACK:
        verdict = evaluate_rollback(release, name, before, record.time, own)
    else:
        verdict = evaluate(release, name, before, record.time, own, asker=record.actor)
    return None if verdict.allowed else Breach(record, verdict.reasons)
