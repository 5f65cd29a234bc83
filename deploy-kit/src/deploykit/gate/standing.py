"""How the queues stand, for people and machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deploykit.base.printable import one_line
from deploykit.gate.builds import Build, Status, window
from deploykit.gate.changes import Item
from deploykit.gate.facts import Reading, tips_of
from deploykit.gate.order import Queue, line_up
from deploykit.gate.post import is_post
from deploykit.gate.reconcile import Gate


def queues_json(gate: Gate, reading: Reading) -> list[dict[str, Any]]:
    """Every queue: its window, its items in order with their builds, and what is held."""
    builds = gate.work.statuses()
    private = gate.branches.standing(reading.tips)
    return [
        {
            **_queue(queue, reading, builds),
            "merged": _as_merged(gate, queue, reading, builds),
            "private": [branch.json for branch in private if branch.queue == queue.pipeline],
        }
        for queue in gate.config.queues
    ]


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
        if queue["merged"]:
            yield from _jobs_lines("as merged", queue["merged"])
        for branch in queue["private"]:
            yield from _jobs_lines(f"{branch['project']} {branch['branch']}", branch)


def _jobs_lines(name: str, jobs: Mapping[str, Any]) -> Iterator[str]:
    """How jobs stand that are about no change, with the logs of those that failed."""
    yield f"  {one_line(name, 60)}: {jobs['state']}"
    for job, log in jobs["failed"].items():
        yield f"    {job}: {log}"


def _as_merged(
    gate: Gate, queue: Queue, reading: Reading, builds: Mapping[Build, Status]
) -> dict[str, Any] | None:
    """How the validation of the branches goes as they are; None if there is none."""
    trees = gate.trees.digest(tips_of(queue, reading.tips))
    for build, status in builds.items():
        if is_post(build) and build.trees == trees:
            return {"state": str(status), "failed": gate.work.failed_logs(build)}
    return None


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
    """The state of the item's builds: of the one that runs, else of the one that went best."""
    statuses = {
        status
        for build, status in builds.items()
        if build.pipeline == queue.pipeline
        and build.commits == item.commits
        and build.ask == item.ask
    }
    for status in (Status.RUNNING, Status.FAILING, Status.PASSED, Status.FAILED, Status.NO_VERDICT):
        if status in statuses:
            return str(status)
    return "waiting"
