"""Which suites run on which of several pods, by what they took the last time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploykit.base import files

KEPT = 2000  # suites whose seconds are remembered


def deal(suites: Sequence[str], seconds: Mapping[str, float], hands: int) -> list[list[str]]:
    """`suites` dealt over `hands`, so that all end about when the first does.

    The longest come first, each to whom has least by then. One whose `seconds` are not known is
    taken for an average one: with none known, they go round.
    """
    known = [seconds[suite] for suite in suites if suite in seconds]
    usual = sum(known) / len(known) if known else 1.0
    dealt: list[list[str]] = [[] for _ in range(hands)]
    loads = [0.0] * hands
    for suite in sorted(suites, key=lambda suite: -seconds.get(suite, usual)):
        hand = loads.index(min(loads))
        dealt[hand].append(suite)
        loads[hand] += seconds.get(suite, usual)
    return dealt


def recorded_seconds(file: Path) -> dict[str, float]:
    """What suites took, as `record_seconds` wrote it; nothing if there is no such file."""
    try:
        recorded = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): float(took) for name, took in recorded.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # a hint: without it suites are dealt another way


def record_seconds(file: Path, took: Mapping[str, float]) -> None:
    """Remember what suites `took`, beside what is known of others. Raises OSError."""
    known = recorded_seconds(file)
    newest = {**{name: seconds for name, seconds in known.items() if name not in took}, **took}
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write(file, json.dumps(dict(list(newest.items())[-KEPT:]), indent=1))
