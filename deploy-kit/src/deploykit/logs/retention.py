"""Which runs may go: by age and by size. Pure; `store` takes them away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deploykit.logs.index import IndexEntry


@dataclass(frozen=True, slots=True)
class Going:
    """A run that goes, and why."""

    entry: IndexEntry
    why: str


def going(
    runs: Sequence[IndexEntry], now: datetime, oldest: timedelta | None, most: int | None
) -> list[Going]:
    """Which of `runs` (the oldest first) go, the oldest first.

    Those that ended longer than `oldest` before `now`, then the oldest of the rest until their
    files are at most `most` bytes; None: not for this reason.
    """
    goes, left = [], []
    for entry in runs:
        if oldest is not None and now - entry.run.ended > oldest:
            goes.append(Going(entry, "too old"))
        else:
            left.append(entry)
    size = sum(entry.stored for entry in left)
    for entry in left:
        if most is None or size <= most:
            break
        goes.append(Going(entry, "too much"))
        size -= entry.stored
    return goes
