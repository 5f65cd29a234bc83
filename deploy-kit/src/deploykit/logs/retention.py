"""Which runs may go: by age and by size. Pure; `store` takes them away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deploykit.logs.index import Kept


@dataclass(frozen=True, slots=True)
class Going:
    """A run that goes, and why."""

    kept: Kept
    why: str


def going(
    runs: Sequence[Kept], now: datetime, oldest: timedelta | None, most: int | None
) -> list[Going]:
    """Which of `runs` (the oldest first) go, the oldest first.

    Those that ended longer than `oldest` before `now`, then the oldest of the rest until their
    files are at most `most` bytes; None: not for this reason.
    """
    goes, left = [], []
    for kept in runs:
        if oldest is not None and now - kept.run.ended > oldest:
            goes.append(Going(kept, "too old"))
        else:
            left.append(kept)
    size = sum(kept.stored for kept in left)
    for kept in left:
        if most is None or size <= most:
            break
        goes.append(Going(kept, "too much"))
        size -= kept.stored
    return goes
