"""What notifications take: deriving what is to be told of long ledgers, and telling it.

    .venv/bin/python tests/benchmarks/bench_notify.py [RUNS]

Prints a table for docs/benchmarks.md. Records are made in memory; mails go to a real server on
loopback, which is this process.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import mailserver
from deploykit.base.times import utc_now
from deploykit.notify.delivery import Delivery
from deploykit.notify.mail import Encryption, Mail
from deploykit.notify.news import news_of, with_more
from deploykit.notify.sinks import EVERYTHING, Sink
from deploykit.notify.state import SinkState, StateFile
from ledgerbook import Story, indexed, release, rule

LENGTHS = (1_000, 10_000)  # records
PAUSE = 900  # records that came while nobody looked
MAILS = 200
TRAIN = frozenset({"smoke", "upgrade"})


def ledger(length: int) -> Story:
    """A ledger of a line of three environments, one release after the other."""
    story = Story.of(
        test=rule(),
        staging=rule("test", smoke=(1, 1)),
        production=rule("staging", approvals=1, smoke=(1, 1)),
    )
    n = 0
    while len(story.records) < length:
        n += 1
        for name in ("test", "staging", "production"):
            story.deployed(name, release(n), purpose="promote")
            story.found("smoke", release(n), name)
    return story


def seconds(action: Callable[[], object], runs: int) -> float:
    """The median of processor seconds that `action` takes."""
    taken = []
    for _ in range(runs):
        began = time.process_time()
        action()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def deriving(length: int, runs: int) -> None:
    """How long one more record takes, and a round in which nothing came."""
    records = indexed(ledger(length).records)
    before = records[: len(records) - 1]
    news = news_of(before, len(before), TRAIN)
    one = seconds(lambda: with_more(news, records, TRAIN), runs)
    none = seconds(lambda: with_more(news, before, TRAIN), runs)
    first = seconds(lambda: news_of(records, len(records), TRAIN), runs)
    print(f"| {len(records):,} records: one more; none; the first look | "
          f"{one * 1000:.0f} ms; {none * 1000:.2f} ms; {first * 1000:.0f} ms |")  # fmt: skip
    pause = seconds(lambda: news_of(records, len(records) - PAUSE, TRAIN), 1)
    print(f"| … {PAUSE} that came while nobody looked | {pause:.1f} s |")


def telling() -> None:
    """How long a mail takes from here to the server, written down before the next one."""
    story = Story.of(test=rule(), production=rule("test"))
    story.now = utc_now()
    for _ in range(MAILS):
        story.decided("hold", environment="test")
    with mailserver.serving() as server, tempfile.TemporaryDirectory() as folder:
        mail = Mail("duty", "127.0.0.1", server.port, Encryption.NONE, "a@example.org",
                    ("b@example.org",), None)  # fmt: skip
        sink = Sink("duty", "mail", mail, {}, EVERYTHING)
        state = SinkState(0, story.records[0].commit)
        delivery = Delivery(sink, StateFile(Path(folder), "duty"), state, "home", lambda line: None)
        news = news_of(story.records, 1, TRAIN)
        began = time.perf_counter()
        assert delivery.deliver(news)
        wall = time.perf_counter() - began
        assert len(server.mails) == MAILS
    print(f"| a mail, taken and written down | {wall / MAILS * 1000:.0f} ms of wall time |")


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print("| what | measured |\n| --- | --- |")
    for length in LENGTHS:
        deriving(length, runs)
    telling()


if __name__ == "__main__":
    main()
