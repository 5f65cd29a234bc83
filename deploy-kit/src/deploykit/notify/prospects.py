"""What could enter each environment next, and what keeps it out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from deploykit.board import Next, next_for, shown
from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.policy.case import APPROVALS, FREEZE, MEANWHILE, PASSING, SOAK, TO_ADD, Reason

PEOPLE = frozenset({APPROVALS, TO_ADD})  # what only people can give

Prospects = Mapping[str, Next]


def prospects(records: Sequence[Record], runnable: Collection[str]) -> Prospects:
    """What could enter each environment of the line after `records`, as of the last one's time.

    What has no source gets the newest release that the ledger knows. `runnable` are the checks
    that a train can run.
    """
    if not records:
        return {}
    newest, now = view.newest_release(records), records[-1].time
    return {
        name: prospect
        for name in shown({}, records)
        if (prospect := next_for(name, records, view.running(records, name), newest, now=now,
                                 runnable=runnable)) is not None
    }  # fmt: skip


def refusals(prospect: Next) -> tuple[Reason, ...]:
    """The reasons that neither a train, nor time, nor people's word as it is asked for mend."""
    passing = MEANWHILE | PASSING
    return tuple(reason for reason in prospect.verdict.reasons if reason.code not in passing)


def waits_for_people(prospect: Next) -> bool:
    """Whether it enters as soon as people give what they are asked for, and time has passed."""
    codes = {reason.code for reason in prospect.verdict.reasons}
    return bool(codes & PEOPLE) and codes <= PEOPLE | {SOAK, FREEZE}
