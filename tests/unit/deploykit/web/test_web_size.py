"""Pages of a ledger of 100,000 records: made once of a snapshot, and then handed out.

What is measured is processor time, so that it says the same beside other work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import pytest
import requests
from deploykit.base.times import utc_now
from deploykit.board import standings
from deploykit.ledger.records import Record
from deploykit.web.snapshot import Snapshot, assemble
from manyrecords import NAMES, many_records, release
from webpages import PATIENCE, RUNNABLE, Shelf, served

COUNT = 100_000
BUILT, NEXT, MADE, SERVED = 15.0, 2.0, 1.5, 0.05  # seconds: snapshots, a page, a page once more

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def built() -> tuple[Snapshot, float]:
    """A snapshot of 100,000 records, and the seconds of processor time that it took."""
    now = utc_now()
    records = many_records(COUNT + 1, now)[:COUNT]
    made: list[Snapshot] = []
    took = processor_seconds(lambda: made.append(snapshot_of(records, now)))
    return made[0], took


def snapshot_of(
    records: Sequence[Record], now: datetime, before: Snapshot | None = None
) -> Snapshot:
    """A snapshot with its board."""
    lines = standings(NAMES, records, None, now, RUNNABLE)
    return assemble("trial", lines, records, now, before=before)


@pytest.fixture(scope="module")
def base(built: tuple[Snapshot, float]) -> Iterator[str]:
    with served(Shelf(built[0]).sources()) as address:
        yield address


def processor_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def test_snapshot_of_many_records_is_made_in_bounds(built: tuple[Snapshot, float]) -> None:
    snapshot, seconds = built
    assert len(snapshot.records) == COUNT and len(snapshot.released) > 5000
    assert seconds < BUILT


def test_snapshot_of_one_record_more_is_made_of_the_one_before(
    built: tuple[Snapshot, float],
) -> None:
    before, _ = built
    records = before.records._rows.records()
    made: list[Snapshot] = []
    assert processor_seconds(lambda: made.append(snapshot_of(records, before.made, before))) < NEXT
    assert len(made[0].records) == COUNT + 1
    whole = snapshot_of(records, before.made)
    assert replace(made[0], tag="") == replace(whole, tag="")


@pytest.mark.parametrize(
    "page", ["/", "/releases", "/releases?first=5000", "/environments/production", "/figures",
             "/records", "/records?first=50000", "/records/70000", "/metrics",
             f"/releases/{release(1).version}"],
)  # fmt: skip
def test_page_of_many_records_is_there_at_once(base: str, page: str) -> None:
    def get() -> None:
        assert requests.get(base + page, timeout=PATIENCE).ok

    assert processor_seconds(get) < MADE
    again = sorted(processor_seconds(get) for _ in range(9))
    assert again[4] < SERVED


def test_reader_who_has_the_page_costs_next_to_nothing(base: str) -> None:
    tag = {"If-None-Match": requests.get(base, timeout=PATIENCE).headers["etag"]}

    def ask() -> None:
        assert requests.get(base, headers=tag, timeout=PATIENCE).status_code == 304

    assert sorted(processor_seconds(ask) for _ in range(9))[4] < SERVED
