"""What the pages cost by the number of records: `uv run python tests/benchmarks/bench_web.py`.

Prints a table of processor seconds, medians of five, of this process alone: the first snapshot
without the board (once), the one after another record, the board, the page of the train made and
asked for again, and the answer 304.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import requests
from deploykit.base.times import utc_now
from deploykit.board import standings
from deploykit.web.snapshot import Snapshot, assemble
from manyrecords import NAMES, many_records
from webpages import PATIENCE, RUNNABLE, Shelf, again, served

COUNTS = (1000, 10_000, 100_000)


def seconds(work: Callable[[], object], times: int = 5) -> float:
    """The median of the processor time that `work` takes."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def row(count: int) -> str:
    """The line of the table for so many records."""
    now = utc_now()
    records = many_records(count, now)
    before, made = records[: count - 1], list[Snapshot]()
    lines = standings(NAMES, before, None, now, RUNNABLE)
    first_one = seconds(lambda: made.append(assemble("trial", lines, before, now)), 1)
    # Each time as if newly read: what was derived of records is kept with them.
    board = seconds(lambda: standings(NAMES, records[:count], None, now, RUNNABLE))
    next_one = seconds(lambda: assemble("trial", lines, records[:count], now, before=made[0]))
    shelf = Shelf(assemble("trial", lines, records, now))
    with served(shelf.sources()) as base:

        def get(**headers: str) -> requests.Response:
            return requests.get(base, headers=headers, timeout=PATIENCE)

        def first() -> None:
            shelf.snapshot = again(shelf.snapshot)
            get()

        page = seconds(first)
        tag = get().headers["etag"]
        repeated = seconds(get)
        same = seconds(lambda: get(**{"If-None-Match": tag}))
    figures = (first_one, next_one, board, page, repeated, same)
    return f"| {count:,} | " + " | ".join(f"{one:.3f}" for one in figures) + " |"


def main() -> None:
    print("| records | first snapshot | next | board | train, made | train, again | 304 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for count in COUNTS:
        print(row(count), flush=True)
    print(
        f"\nat most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB of memory"
    )


if __name__ == "__main__":
    main()
