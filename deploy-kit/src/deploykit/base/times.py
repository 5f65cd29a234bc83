"""Times as the ledger, the providers' tags and people write them: UTC, in whole seconds."""

from __future__ import annotations

import functools
from datetime import UTC, datetime

ISO = "%Y-%m-%dT%H:%M:%SZ"
HUMAN = "%Y-%m-%d %H:%M:%S"


def utc_now() -> datetime:
    """The present, aware and in whole seconds, as records tell it."""
    return datetime.now(UTC).replace(microsecond=0)


@functools.lru_cache(maxsize=1 << 16)  # a ledger's records are looked at again and again
def parse(text: object) -> datetime:
    """The aware time that `iso` wrote as `text`. Raises ValueError for any other form."""
    found = datetime.strptime(str(text), ISO).replace(tzinfo=UTC)
    if found.strftime(ISO) != text:
        raise ValueError(f"{text!r} is not a time like 2026-11-28T17:05:00Z")
    return found


def iso(time: datetime) -> str:
    """An aware time for machines, in UTC."""
    return time.astimezone(UTC).strftime(ISO)


def human(time: datetime) -> str:
    """An aware time for people, in UTC."""
    return time.astimezone(UTC).strftime(HUMAN)
