"""How the queues stand, for people and machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deploykit.base.printable import one_line
from deploykit.gate.builds import Build, Status, window
from deploykit.gate.changes import Item
from deploykit.gate.facts import Reading
from deploykit.gate.order import Queue, line_up
from deploykit.gate.reconcile import Gate


def queues_json(gate: Gate, reading: Reading) -> list[dict[str, Any]]:
    """Every queue: its window, its items in order with their builds, and what is held."""
    builds = gate.work.statuses()
    return [_queue(queue, reading, builds) for queue in gate.config.queues]


def queue_lines(queues: list[dict[str, Any]]) -> Iterator[str]:
    """The same as text."""
    for queue in queues:
        items = "1 item" if len(queue["items"]) == 1 else f"{len(queue['items'])} items"
        yield f"{queue['queue']} ({queue['branch']}): {items}, window {queue['window']}"
        for item in queue["items"]:
            subjects = "; ".join(one_line(subject, 60) for subject in item["subjects"])
            yield f"  {item['item']:<12} {item['state']:<8} {subjects}"
        for held in queue["held"]:
            yield f"  {held['change']:<12} held     it {held['why']}"


def _queue(queue: Queue, reading: Reading, builds: Mapping[Build, Status]) -> dict[str, Any]:
    line = line_up(queue, reading.changes, reading.rulings)
    size = window(reading.outcomes, start=queue.window, floor=queue.floor, most=queue.most)
    return {
        "queue": queue.name,
        "branch": queue.branch,
        "window": size,
        "items": [
            {
                "item": item.key,
                "state": _state(queue, item, builds) if place < size else "waiting",
                "projects": sorted({change.project for change in item.changes}),
                "subjects": [change.subject for change in item.changes],
            }
            for place, item in enumerate(line.items)
        ],
        "held": [{"change": held.change.id, "why": held.why} for held in line.held],
    }


def _state(queue: Queue, item: Item, builds: Mapping[Build, Status]) -> str:
    """The state of the item's builds: the one that runs, else the best that came out."""
    found = {
        status
        for build, status in builds.items()
        if build.pipeline == queue.pipeline
        and build.commits == item.commits
        and build.ask == item.ask
    }
    for status in (Status.RUNNING, Status.FAILING, Status.PASSED, Status.FAILED):
        if status in found:
            return str(status)
    return "waiting"
