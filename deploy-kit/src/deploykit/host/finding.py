"""What looking at the host found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`PROBLEM` must be mended before anything works; `WARNING` may do for small environments."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: its level, what was seen, and what mends it."""

    name: str
    level: Level
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> Finding:
    return Finding(name, Level.OK, detail)


def warning(name: str, detail: str, remedy: str) -> Finding:
    return Finding(name, Level.WARNING, detail, remedy)


def problem(name: str, detail: str, remedy: str) -> Finding:
    return Finding(name, Level.PROBLEM, detail, remedy)
