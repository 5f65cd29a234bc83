"""Calendars as files (iCalendar, RFC 5545), read as windows in which nothing enters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from deploykit.base.errors import InputError
from deploykit.base.printable import one_line
from deploykit.site.windows import LOCAL, Window, WindowKind, problem_of

Event = Mapping[str, Any]  # the properties of an event, as the library reads them
MOST_BYTES = 4 << 20  # of one calendar
MOST_EVENTS = 500
REASON_LENGTH = 200  # characters
DAY = timedelta(days=1)


def read_calendar(file: Path, zone: str) -> tuple[Window, ...]:
    """The events of an iCalendar file, each as a window that denies; cancelled ones are left out.

    An event of whole days, or with times of no zone, is by the clocks of `zone`. Raises InputError
    with the file, and the event by its summary and start, for what is none or cannot be gone by.
    """
    from icalendar import Calendar

    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"{file}: has more than {MOST_BYTES} bytes")
    try:
        events: list[Event] = []
        for part in Calendar.from_ical(content, multiple=True):
            events += part.walk("VEVENT")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: no iCalendar file: {one_line(str(error))}") from None
    if not events:
        raise InputError(f"{file}: has no event (VEVENT)", "name another file, or none")
    if len(events) > MOST_EVENTS:
        raise InputError(f"{file}: has more than {MOST_EVENTS} events")
    return tuple(_windows(file, events, zone))


def _windows(file: Path, events: list[Event], zone: str) -> Iterator[Window]:
    """The events' windows; an event that stands in for one time of a series takes its place."""
    instead: dict[str, list[date]] = {}
    for event in events:
        if "RECURRENCE-ID" in event:
            instead.setdefault(str(event.get("UID")), []).append(event["RECURRENCE-ID"].dt)
    for event in events:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        summary = one_line(str(event.get("SUMMARY", "")), REASON_LENGTH)
        moved = () if "RECURRENCE-ID" in event else instead.get(str(event.get("UID")), ())
        try:
            window = _window(event, summary, zone, tuple(moved))
            problem = problem_of(window)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            problem = one_line(str(error))
        if problem:
            named = f"'{summary}'" if summary else f"'{one_line(str(event.get('UID', '')))}'"
            raise InputError(f"{file}: the event {named}: {problem}")
        yield window


def _window(event: Event, summary: str, zone: str, moved: tuple[date, ...]) -> Window:
    start = event["DTSTART"].dt
    if isinstance(start, datetime) and start.tzinfo is not None:
        zone = _zone_name(start)

    def local(moment: date) -> str:
        return _local(moment, zone).strftime(LOCAL)

    return Window(
        kind=WindowKind.DENY,
        start=local(start),
        seconds=int(_length(event, start, zone).total_seconds()),
        zone=zone,
        rule=_rule(event, zone),
        skipped=tuple(local(moment) for moment in (*_dates(event, "EXDATE"), *moved)),
        added=tuple(local(moment) for moment in _dates(event, "RDATE")),
        reason=summary,
    )


def _zone_name(moment: datetime) -> str:
    """The zone of an event's time. Raises ValueError for one that has no name of its own."""
    key = getattr(moment.tzinfo, "key", None)
    if key is not None:
        return str(key)
    if moment.utcoffset() == timedelta(0):
        return "UTC"
    raise ValueError(f"its time zone is none that is known: {moment.tzinfo}")


def _local(moment: date, zone: str) -> datetime:
    """What a wall clock of `zone` shows at a time of an event; midnight for a day."""
    from zoneinfo import ZoneInfo

    if not isinstance(moment, datetime):
        return datetime.combine(moment, time())
    return moment.astimezone(ZoneInfo(zone)) if moment.tzinfo is not None else moment


def _length(event: Event, start: date, zone: str) -> timedelta:
    """How long an event is by the wall clock: to its end, else its duration, else its day."""
    if "DTEND" in event:
        return _naive(event["DTEND"].dt, zone) - _naive(start, zone)
    if "DURATION" in event:
        return timedelta(seconds=event["DURATION"].dt.total_seconds())
    if isinstance(start, datetime):
        raise ValueError("it has neither an end nor a duration")
    return DAY


def _naive(moment: date, zone: str) -> datetime:
    return _local(moment, zone).replace(tzinfo=None)


def _rule(event: Event, zone: str) -> str:
    """The event's rule as text, its end in UTC. Raises ValueError if it has several."""
    rule: Any = event.get("RRULE")
    if rule is None:
        return ""
    if isinstance(rule, list):
        raise ValueError("it has more than one RRULE")
    if rule.get("UNTIL"):
        until = rule["UNTIL"][0]
        rule = type(rule)({**rule, "UNTIL": [_last(until, zone)]})
    return str(rule.to_ical().decode())


def _last(until: date, zone: str) -> datetime:
    """The end of a rule in UTC; a day counts to its end."""
    from zoneinfo import ZoneInfo

    if not isinstance(until, datetime):
        until = datetime.combine(until, time(23, 59, 59))
    if until.tzinfo is None:
        until = until.replace(tzinfo=ZoneInfo(zone))
    return until.astimezone(UTC)


def _dates(event: Event, key: str) -> list[date]:
    """The times of EXDATE or RDATE, which may stand several times with several each."""
    lines: Any = event.get(key, [])
    return [entry.dt for line in (lines if isinstance(lines, list) else [lines])
            for entry in line.dts]  # fmt: skip
