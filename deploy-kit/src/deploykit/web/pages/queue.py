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
    """The gate's queues at `as_of`, None where the gate never ran. `silent`: it was not heard
    of for so long that it hardly runs."""

    reading: Reading
    as_of: datetime | None
    silent: bool
    queues: tuple[QueueLine, ...]


def queue_page(snapshot: Snapshot, report: Report | None, now: datetime) -> QueuePage:
    """The page of the queues of which `report` tells, at an aware time `now`."""
    return QueuePage(
        reading=reading_of(snapshot),
        as_of=report.at if report else None,
        silent=report is not None and now - report.at > SILENT,
        queues=tuple(map(_queue, report.queues)) if report else (),
    )


def _queue(queue: Mapping[str, Any]) -> QueueLine:
    merged = queue["merged"]
    beside = [JobsLine("as merged", merged["state"], dict(merged["failed"]))] if merged else []
    beside += [
        JobsLine(f"{entry['project']} {entry['branch']}", entry["state"], dict(entry["failed"]))
        for entry in queue["private"]
    ]
    return QueueLine(
        queue=queue["queue"],
        branch=queue["branch"],
        window=queue["window"],
        items=tuple(
            QueueItem(
                place,
                entry["item"],
                entry["state"],
                tuple(entry["projects"]),
                tuple(entry["subjects"]),
            )
            for place, entry in enumerate(queue["items"], 1)
        ),
        held=tuple(Held(entry["change"], entry["why"]) for entry in queue["held"]),
        beside=tuple(beside),
    )
