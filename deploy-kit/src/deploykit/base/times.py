"""Times as the ledger, the providers' tags and people write them: UTC, in whole seconds.

People also get their own local time.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime

ISO = "%Y-%m-%dT%H:%M:%SZ"
WRITTEN = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\b")
DURATION = re.compile(r"(\d+)([smhd])", re.ASCII)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
STAMP = "%Y%m%dT%H%M%SZ"
HUMAN = "%Y-%m-%d %H:%M:%S"


def utc_now() -> datetime:
    """The present, aware and in whole seconds, as records tell it."""
    return datetime.now(UTC).replace(microsecond=0)


def at(seconds: float) -> datetime:
    """The time so many seconds after the epoch, aware and in whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)


@functools.lru_cache(maxsize=1 << 16)  # a ledger's records are looked at again and again
def parse(text: object) -> datetime:
    """The aware time that `iso` wrote as `text`. Raises ValueError for any other form."""
    time = datetime.strptime(str(text), ISO).replace(tzinfo=UTC)
    if time.strftime(ISO) != text:
        raise ValueError(f"{text!r} is not a time like 2026-11-28T17:05:00Z")
    return time


def iso(time: datetime) -> str:
    """An aware time for machines, in UTC."""
    return time.astimezone(UTC).strftime(ISO)


def stamp(time: datetime) -> str:
    """An aware time in UTC as a part of file names, and as nodes call backups by it."""
    return time.astimezone(UTC).strftime(STAMP)


def human(time: datetime) -> str:
    """An aware time for people: in UTC, and beside it the local one if that is another."""
    return time.astimezone(UTC).strftime(HUMAN) + _beside(time)


def with_local(text: str) -> str:
    """`text` with the local time beside each that stands in it as `iso` writes it."""

    def beside(match: re.Match[str]) -> str:
        try:
            return match[0] + _beside(parse(match[0]))
        except (ValueError, OverflowError):  # it only looks like one, or no calendar reaches it
            return match[0]

    return WRITTEN.sub(beside, text)


def _beside(time: datetime) -> str:
    """The local time to stand beside one in UTC; '' if it is the same."""
    here, there = time.astimezone(), time.astimezone(UTC)
    if here.utcoffset() == there.utcoffset():
        return ""
    day = "" if here.date() == there.date() else f"{here:%d} "
    return f" ({day}{here:%H:%M %Z})"


def seconds_of(duration: str) -> int:
    """The seconds of a duration as environment files have it: 90s, 15m, 2h or 1d.

    Raises ValueError for any other form.
    """
    match = DURATION.fullmatch(duration)
    if not match:
        raise ValueError(f"not a duration: '{duration}'")
    return int(match[1]) * UNITS[match[2]]


def age(since: datetime, now: datetime) -> str:
    """How long ago an aware time was, as durations are written in environment files: 40s, 12m, 3h
    or 5d, in the greatest unit that it fills."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
