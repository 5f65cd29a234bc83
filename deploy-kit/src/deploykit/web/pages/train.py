"""The first page: what runs where, what waits and why, and what happened last."""

from __future__ import annotations

from dataclasses import dataclass

from deploykit.figures.delivery import Delivery
from deploykit.ledger.schema import Phase
from deploykit.web.pages import Reading, RecordLine, reading_of, record_line
from deploykit.web.pages.environments import EnvironmentLine, environment_line
from deploykit.web.pages.releases import ReleaseLine, release_lines
from deploykit.web.snapshot import Snapshot

RELEASES = 8
LATEST = 10  # records


@dataclass(frozen=True, slots=True)
class TrainPage:
    """The whole train; `environments` in the order of promotion, `releases` and `latest` the newest
    first. `delivery` has the figures of the end of the line."""

    reading: Reading
    environments: tuple[EnvironmentLine, ...]
    releases: tuple[ReleaseLine, ...]
    latest: tuple[RecordLine, ...]
    delivery: Delivery | None


def train_page(snapshot: Snapshot) -> TrainPage:
    """The page of the train."""
    newest = tuple(snapshot.released.values())[: -RELEASES - 1 : -1]
    return TrainPage(
        reading=reading_of(snapshot),
        environments=tuple(environment_line(line, snapshot) for line in snapshot.lines),
        releases=release_lines(snapshot, newest),
        latest=_latest(snapshot),
        delivery=snapshot.deliveries[snapshot.goal] if snapshot.goal else None,
    )


def _latest(snapshot: Snapshot) -> tuple[RecordLine, ...]:
    """The last records; that a lease was renewed is no news."""
    lines: list[RecordLine] = []
    versions = snapshot.versions
    for record in reversed(snapshot.records):
        if record.body.get("phase") != Phase.RENEWED:
            lines.append(record_line(record, versions))
        if len(lines) == LATEST:
            break
    return tuple(lines)
