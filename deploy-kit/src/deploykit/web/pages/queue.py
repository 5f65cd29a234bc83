"""The page of the gate's queues, as the gate itself last saw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deploykit.gate.report import Report
from deploykit.web.pages import Reading, reading_of
from deploykit.web.snapshot import Snapshot

SILENT = timedelta(minutes=3)  # a gate that runs looks every minute


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A change in a queue, or changes that are merged as one; `place` counts from 1."""

    place: int
    item: str
    state: str
    projects: tuple[str, ...]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """An approved change that is not in the queue, and why, to be read behind "it"."""

    change: str
    why: str


@dataclass(frozen=True, slots=True)
class JobsLine:
    """How jobs stand that are about no change, with the logs of those that failed, by job."""

    name: str
    state: str
    failed: dict[str, str]


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One queue; of its items the first `window` are tested side by side."""

    queue: str
    branch: str
    window: int
    items: tuple[QueueItem, ...]
    held: tuple[Held, ...]
    beside: tuple[JobsLine, ...]


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The gate's queues as of `seen`; None: the gate has never run here. `silent`: it was not heard
    of for so long that it hardly runs."""

    reading: Reading
    seen: datetime | None
    silent: bool
    queues: tuple[QueueLine, ...]


def queue_page(snapshot: Snapshot, report: Report | None, now: datetime) -> QueuePage:
    """The page of the queues of which `report` tells, at an aware time `now`."""
    return QueuePage(
        reading=reading_of(snapshot),
        seen=report.at if report else None,
        silent=report is not None and now - report.at > SILENT,
        queues=tuple(map(_queue, report.queues)) if report else (),
    )


def _queue(told: Mapping[str, Any]) -> QueueLine:
    merged = told["merged"]
    beside = [JobsLine("as merged", merged["state"], dict(merged["failed"]))] if merged else []
    beside += [
        JobsLine(f"{one['project']} {one['branch']}", one["state"], dict(one["failed"]))
        for one in told["private"]
    ]
    return QueueLine(
        queue=told["queue"],
        branch=told["branch"],
        window=told["window"],
        items=tuple(
            QueueItem(
                place, one["item"], one["state"], tuple(one["projects"]), tuple(one["subjects"])
            )
            for place, one in enumerate(told["items"], 1)
        ),
        held=tuple(Held(one["change"], one["why"]) for one in told["held"]),
        beside=tuple(beside),
    )
