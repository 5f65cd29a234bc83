"""What `freeze:` of an environment file says: windows in which nothing enters, or only then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deploykit.base.yamlfile import Value
from deploykit.site.calendars import REASON_LENGTH, read_calendar
from deploykit.site.windows import LOCAL, Window, WindowKind, problem_of

KEYS = frozenset({"zone", "deny", "allow", "calendars"})
WINDOW_KEYS = frozenset({"rule", "start", "for", "from", "until", "reason"})
FORMS = (
    "write {rule: FREQ=WEEKLY;BYDAY=FR, start: 2026-01-02T15:00, for: 9h} or {from: …, until: …}"
)


def parse_freeze(value: Value) -> tuple[Window, ...]:
    """The windows at `value`, with those of the calendars that it names beside its file.

    Raises InputError naming file, line and key if it does not fit.
    """
    keys = value.mapping(KEYS)
    zone = keys["zone"].text() if "zone" in keys else "UTC"
    windows = []
    for kind in WindowKind:
        for entry in keys[kind].items() if kind in keys else ():
            windows.append(_window(entry, kind, zone))
    for entry in keys["calendars"].items() if "calendars" in keys else ():
        file = value.file.parent / entry.text()
        windows += read_calendar(file, zone)
    if not windows:
        raise value.error("names no window", "leave it out, or name one under deny or allow")
    return tuple(windows)


def _window(value: Value, kind: WindowKind, zone: str) -> Window:
    keys = value.mapping(WINDOW_KEYS)
    reason = keys["reason"].text() if "reason" in keys else ""
    if len(reason) > REASON_LENGTH or not reason.isprintable():
        raise keys["reason"].error(f"expected one line of at most {REASON_LENGTH} characters")
    if keys.keys() - {"reason"} == {"from", "until"}:
        start = _clock(keys["from"])
        seconds = int((_clock(keys["until"]) - start).total_seconds())
        window = Window(kind, start.strftime(LOCAL), seconds, zone, reason=reason)
    elif keys.keys() - {"reason"} == {"rule", "start", "for"}:
        start, seconds = _clock(keys["start"]), keys["for"].seconds()
        rule = keys["rule"].text()
        window = Window(kind, start.strftime(LOCAL), seconds, zone, rule, reason=reason)
    else:
        raise value.error(f"has the keys {', '.join(sorted(keys)) or '(none)'}", FORMS)
    problem = problem_of(window)
    if problem:
        raise value.error(problem)
    return window


def _clock(value: Value) -> datetime:
    """A time on a wall clock: a day, or a day with a time."""
    try:
        moment = datetime.fromisoformat(str(value.scalar()))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None or moment.microsecond:
        raise value.error(
            "expected a day, or a day and a time of the zone that `zone` names",
            "write 2026-12-20 or 2026-12-20T08:00",
        )
    return moment


def windows_json(windows: tuple[Window, ...]) -> list[dict[str, Any]]:
    """The form of windows that a record of the ledger holds."""
    return [
        {
            "kind": window.kind.value,
            "start": window.start,
            "seconds": window.seconds,
            "zone": window.zone,
            "rule": window.rule,
            "skipped": list(window.skipped),
            "added": list(window.added),
            "reason": window.reason,
        }
        for window in windows
    ]


def window_of(entry: Mapping[str, Any]) -> Window:
    """The window that `windows_json` wrote as `entry`. Raises LookupError, TypeError or ValueError
    if it is none."""
    if set(entry) != set(Window.__slots__):
        raise ValueError("it has other keys")
    return Window(
        kind=WindowKind(entry["kind"]),
        start=entry["start"],
        seconds=entry["seconds"],
        zone=entry["zone"],
        rule=entry["rule"],
        skipped=tuple(entry["skipped"]),
        added=tuple(entry["added"]),
        reason=entry["reason"],
    )
