"""Figures of delivery: how often, how fast and how well, counted from the ledger. Pure.

What each figure is follows DORA's definitions (https://dora.dev/guides/dora-metrics-four-keys/),
as far as records can tell; where they cannot, the function says what it counts instead.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """How values in seconds lie: of `count` of them the `median` and the `longest`."""

    count: int
    median: float
    longest: float


def spread(seconds: Sequence[float]) -> Spread | None:
    """The spread of durations in seconds; None if there are none."""
    if not seconds:
        return None
    return Spread(len(seconds), statistics.median(seconds), max(seconds))
