"""Which suites are due, in which order, and which may still start: pure functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deploykit.affected import Affected
from deploykit.affected.passes import Record
from deploykit.affected.suites import Suite

NEVER = "it never passed here"
LAST = "HEAD~1"
JOBS = 2  # suites of the kitchen side by side
MOST_AT_ONCE = 6  # of the kitchen in one call: what passed is noted when the call ends
START = 15.0  # seconds that a call takes beside its suites
TEARDOWN = 180.0  # seconds in which a suite that is stopped takes its nodes down


@dataclass(frozen=True, slots=True)
class Due:
    """A suite that has to run, and why, in words; `seconds` is what it is expected to take.

    `first`: what it is about changed, or it failed the last time.
    """

    suite: Suite
    why: str
    seconds: float
    first: bool


def due(
    suites: Sequence[Suite],
    records: Mapping[str, Record],
    since: Callable[[str], Affected | None],
) -> list[Due]:
    """The suites whose last pass no longer speaks for what is there, in the order they should run.

    `since` tells what changed since a commit, None if that commit is no longer there. A suite whose
    own subject changed, or which failed the last time, comes first, in the order of `suites`; then
    the one that waited longest since it was last tried. For a suite without a pass that counts, the
    last commit is looked at: so what is closest to a change is tried on a new machine, too.
    """
    since = functools.cache(since)
    suites_due = []
    for suite in suites:
        record = records.get(suite.name, Record())
        why, about = reason(suite.name, record, since)
        if why:
            failed = record.result == "failed"
            suites_due.append(Due(suite, why, expected(suite, record), about or failed))
    places = {suite.name: place for place, suite in enumerate(suites)}

    def key(due_suite: Due) -> tuple[bool, str, int]:
        waited = "" if due_suite.first else records.get(due_suite.suite.name, Record()).tried
        return not due_suite.first, waited, places[due_suite.suite.name]

    return sorted(suites_due, key=key)


def reason(name: str, record: Record, since: Callable[[str], Affected | None]) -> tuple[str, bool]:
    """Why the suite `name` is due ('' if it is not), and whether its own subject changed.

    One pass that nothing it hangs on changed since is enough.
    """
    why, own = NEVER, False
    for commit in reversed(record.passed):
        changed = since(commit)
        if changed is None:
            continue
        if name not in changed.suites:
            return "", False
        if not own:
            own = changed.suites[name]
            what = "its own subject" if own else "what it stands on"
            why = f"{what} changed since {commit[:12]}"
    if why == NEVER:
        last = since(LAST)
        own = last is not None and last.suites.get(name, False)
    return why, own


def expected(suite: Suite, record: Record) -> float:
    """Seconds that `suite` should take: the longest of its last runs, else what the table says."""
    return max(record.seconds, default=suite.minutes * 60)


def together(batch: Sequence[Due]) -> float:
    """Seconds of one call of make that runs this batch: suites of the kitchen run side by side."""
    each = [due_suite.seconds for due_suite in batch]
    return START + max(max(each), sum(each) / JOBS) if len(each) > 1 else START + each[0]


def next_call(waiting: Sequence[Due], left: float) -> list[Due]:
    """What to run now, as one call of make, of the suites `waiting` in their order.

    Nothing that would take longer than the `left` seconds, so nothing at all if no suite fits any
    more. Suites of the kitchen that follow each other share a call.
    """
    batch: list[Due] = []
    for due_suite in waiting:
        fits = together([*batch, due_suite]) <= left
        if not fits:
            continue
        if not due_suite.suite.in_kitchen:
            return batch or [due_suite]
        batch.append(due_suite)
        if len(batch) == MOST_AT_ONCE:
            break
    return batch


def allowed(elapsed: float, limit: float) -> float:
    """Seconds after which a call that begins now must be stopped, so that all ends in `limit`."""
    return max(0.0, limit - elapsed - TEARDOWN)
