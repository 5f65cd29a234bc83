"""Windows of time that come again: when something may not enter an environment, or only then.

Recurrence is that of RFC 5545 (iCalendar): a start on a wall clock, a length, a rule. Pure; what
reads files is in `promotion` and `calendars`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from dateutil.rrule import rrule

LOCAL = "%Y-%m-%dT%H:%M:%S"  # how a time on a wall clock is written
# Rules that recur within a day would have policy count seconds; BYHOUR says the same by the day.
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
RULE = re.compile(r"[A-Z0-9=;,+-]{1,500}")
AHEAD = timedelta(days=400)  # how far ahead of now the next start of a window is looked for
LONGEST = timedelta(days=366)  # of one window
MOST_STARTS = 10_000  # of one window that are looked at
MOST_STEPS = 1_000  # from one window's end to the next one's start


class WindowKind(StrEnum):
    """What a window says: nothing enters within it, or nothing enters outside of it."""

    DENY = "deny"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, with `rule` one that comes again.

    `start`, `skipped` and `added` are times on a wall clock of `zone` (`LOCAL`), `seconds` the
    length by that clock: a window from 22:00 to 6:00 ends at 6:00 on the night that clocks change,
    too. `rule` is an RRULE of RFC 5545, '' for a window that is once.
    """

    kind: WindowKind
    start: str
    seconds: int
    zone: str
    rule: str = ""
    skipped: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Closure:
    """That nothing may enter now: until when (aware UTC; None if no end is in sight), and why."""

    until: datetime | None
    reason: str


Span = tuple[datetime, datetime]  # of aware times in UTC: from the first on, before the second


def describe_window(window: Window) -> str:
    """What a window says, in one line."""
    again = f", {window.rule}" if window.rule else ""
    skipped = f", not on {', '.join(window.skipped)}" if window.skipped else ""
    added = f", also on {', '.join(window.added)}" if window.added else ""
    reason = f": {window.reason}" if window.reason else ""
    return (
        f"{'frozen' if window.kind == WindowKind.DENY else 'open only'}: {window.seconds} s from "
        f"{window.start} {window.zone}{again}{skipped}{added}{reason}"
    )


def problem_of(window: Window) -> str:
    """What is wrong with a window, in words; '' if policy can go by it."""
    try:
        _zone(window.zone)
    except (LookupError, ValueError, OSError):
        return f"'{window.zone}' is no time zone, such as Europe/Berlin"
    if not 0 < window.seconds <= LONGEST.total_seconds():
        return f"it has to last longer than nothing, and at most {LONGEST.days} days"
    try:
        for text in (window.start, *window.skipped, *window.added):
            _local(text, window.zone)
    except (ValueError, OverflowError):
        return f"'{text}' is no time on a wall clock, such as 2026-12-20T08:00:00"
    return _rule_problem(window) if window.rule else ""


def _rule_problem(window: Window) -> str:
    frequency = re.search(r"(?:^|;)FREQ=([A-Z]+)", window.rule)
    if not RULE.fullmatch(window.rule) or frequency is None:
        return f"'{window.rule}' is no rule of RFC 5545, such as FREQ=WEEKLY;BYDAY=FR"
    if frequency[1] not in FREQUENCIES:
        return f"FREQ={frequency[1]} is too often: one of {', '.join(FREQUENCIES)}, with BYHOUR"
    try:
        start = _local(window.start, window.zone)
        # Without an end of our own a rule such as the 30th of February is looked for until 9999.
        bounded = _recurrence(window).replace(until=start + 10 * LONGEST, count=None)
        starts = bounded.xafter(start, inc=True)
        count = sum(1 for _ in islice(starts, MOST_STARTS + 1))
    except (ValueError, TypeError, OverflowError) as error:
        return f"'{window.rule}' is no rule of RFC 5545: {error}"
    if count == 0:
        return f"'{window.rule}' never comes within ten years of its start"
    if count > MOST_STARTS:
        return f"'{window.rule}' comes more than {MOST_STARTS} times in ten years"
    return ""


def closure(windows: Sequence[Window], now: datetime) -> Closure | None:
    """What keeps things from entering at `now` (aware), None if nothing does.

    Within a window that denies nothing enters; if there are windows that allow, nothing enters
    outside of them. The end is the first moment at which neither stands in the way.
    """
    denied = _Calendar(windows, WindowKind.DENY)
    allowed = _Calendar(windows, WindowKind.ALLOW)
    reason = denied.reason_at(now) or allowed.reason_outside(now)
    if reason is None:
        return None
    moment = now
    for _ in range(MOST_STEPS):
        if moment - now > AHEAD:
            break
        if (end := denied.end_at(moment)) is not None:
            moment = end
        elif allowed.windows and allowed.end_at(moment) is None:
            start = allowed.next_start(moment)
            if start is None:
                break
            moment = start
        else:
            return Closure(moment, reason)
    return Closure(None, reason)


def change_after(windows: Sequence[Window], now: datetime) -> datetime | None:
    """When, by these windows, it next begins that nothing may enter; None if nothing is in sight.

    `now` is a moment at which they do not stand in the way.
    """
    denied = _Calendar(windows, WindowKind.DENY)
    allowed = _Calendar(windows, WindowKind.ALLOW)
    moments = [denied.next_start(now), allowed.end_at(now) if allowed.windows else None]
    return min((moment for moment in moments if moment is not None), default=None)


class _Calendar:
    """The windows of one kind."""

    def __init__(self, windows: Iterable[Window], kind: WindowKind) -> None:
        self.windows = [window for window in windows if window.kind == kind]

    def reason_at(self, now: datetime) -> str | None:
        """Why it is `now` within a window, '' if its file does not say; None if it is not."""
        within = (window for window in self.windows if _covering(window, now))
        window = next(within, None)
        return None if window is None else window.reason or "a window of the calendar"

    def reason_outside(self, now: datetime) -> str | None:
        """The words for a moment outside of all windows; None within one, or if there is none."""
        if not self.windows or self.end_at(now) is not None:
            return None
        return "outside of the windows in which something may enter"

    def end_at(self, now: datetime) -> datetime | None:
        """When the windows that `now` lies in are over; None if it lies in none."""
        ends = [end for window in self.windows for _, end in _covering(window, now)]
        return max(ends, default=None)

    def next_start(self, now: datetime) -> datetime | None:
        """When the next window begins after `now`; None if that is not in sight."""
        starts = [start for window in self.windows for start, _ in _spans(window, now, now + AHEAD)]
        return min((start for start in starts if start > now), default=None)


def _covering(window: Window, now: datetime) -> list[Span]:
    return [span for span in _spans(window, now, now) if span[0] <= now < span[1]]


def _spans(window: Window, since: datetime, until: datetime) -> Iterator[Span]:
    """The window's spans that end after `since` and begin until `until`, in no order."""
    zone, length = _zone(window.zone), timedelta(seconds=window.seconds)
    skipped = {_local(text, window.zone) for text in window.skipped}
    # A day on either side: clocks change by less.
    first = since.astimezone(zone) - length - timedelta(days=1)
    last = until.astimezone(zone) + timedelta(days=1)
    for start in _starts(window, first, last):
        if start in skipped:
            continue
        begin, end = start.astimezone(UTC), (start + length).astimezone(UTC)
        if end > since and begin <= until:
            yield begin, end


def _starts(window: Window, first: datetime, last: datetime) -> Iterator[datetime]:
    for text in window.added:
        yield _local(text, window.zone)
    if not window.rule:
        yield _local(window.start, window.zone)
        return
    yield from islice(_recurrence(window).between(first, last, inc=True), MOST_STARTS)


@lru_cache(maxsize=512)
def _recurrence(window: Window) -> rrule:
    """The window's rule, counted from its start. Raises ValueError if it is none."""
    from dateutil.rrule import rrule, rrulestr

    rule = rrulestr(window.rule, dtstart=_local(window.start, window.zone))
    if not isinstance(rule, rrule):
        raise ValueError("it is more than one rule")
    return rule


@lru_cache(maxsize=128)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _local(text: str, zone: str) -> datetime:
    """The aware time that a wall clock of `zone` shows as `text`. Raises ValueError."""
    return datetime.strptime(text, LOCAL).replace(tzinfo=_zone(zone))
