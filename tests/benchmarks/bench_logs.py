"""How long a search over 10,000 runs of 100 kB takes, and what they take on the disk.

    .venv/bin/python tests/benchmarks/bench_logs.py [RUNS]

Makes logs as states write them, with identifiers that occur once, and prints a table for
docs/benchmarks.md. It takes minutes, most of them for making and keeping the runs.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploykit.evidence.diagnosis import diagnose, figures_of
from deploykit.logs.runs import Ending, Log, Run, cleaned
from deploykit.logs.search import search
from deploykit.logs.signatures import every_shipped
from deploykit.logs.store import Store

SIZE = 100_000  # characters of a run's logs
RARE = "greenletwitness"
WORDS = [
    "keystone",
    "nova",
    "neutron",
    "glance",
    "placement",
    "haproxy",
    "mariadb",
    "rabbitmq",
    "package",
    "config",
    "service",
    "unit",
    "file",
    "managed",
    "directory",
    "state",
    "changed",
    "installed",
    "running",
    "enabled",
    "already",
    "correct",
    "command",
]


def log(chance: random.Random, rare: bool) -> str:
    """A log of `SIZE` characters."""
    lines, size = [], 0
    while size < SIZE:
        node = f"compute{chance.randrange(4)}"
        said = " ".join(chance.choices(WORDS, k=8))
        once = uuid.UUID(int=chance.getrandbits(128)) if chance.random() < 0.1 else ""
        line = f"{node}: {chance.choice(WORDS)}.{chance.choice(WORDS)}: ok: {said} {once}"
        line += f" in {chance.randrange(10**5)} ms\n"
        lines.append(line)
        size += len(line)
    if rare:
        lines.append(f"FAILED test_x - {RARE}\n")
    return "".join(lines)


def median(question: Callable[[], object], times: int = 7) -> float:
    """Seconds of wall time that it takes, the median."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        question()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main(runs: int) -> None:
    chance = random.Random(14)
    with tempfile.TemporaryDirectory(prefix="bench-logs-") as folder:
        store = Store(Path(folder))
        keeping, text = 0.0, ""
        for n in range(runs):
            text = log(chance, n % 997 == 0)
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
            run = Run(f"{at:%Y%m%dT%H%M%S}-train-{n}", "train", at, at, Ending.FAILED)
            began = time.process_time()
            store.put(run, [cleaned("test-states.log", text)])
            keeping += time.process_time() - began
        stored = sum(kept.stored for kept in store.runs())
        rows = [
            ("logs, MB", f"{runs * SIZE / 1e6:.0f}"),
            ("kept, compressed, MB", f"{stored / 1e6:.0f}"),
            ("index, MB", f"{store.index_size / 1e6:.0f}"),
            ("keeping a run, ms of CPU", f"{1000 * keeping / runs:.1f}"),
            ("search, a word of every run, s",
             f"{median(lambda: search(store, 'nova', 20, 3)):.3f}"),
            ("search, three such words, s",
             f"{median(lambda: search(store, 'nova glance correct', 20, 3)):.3f}"),
            ("search, a rare word, s", f"{median(lambda: search(store, RARE, 20, 3)):.3f}"),
            ("search, a beginning, s", f"{median(lambda: search(store, 'greenletw*', 20, 3)):.3f}"),
            ("search, no such word, s", f"{median(lambda: search(store, 'nowhere', 20, 3)):.3f}"),
        ]  # fmt: skip
        known = list(every_shipped())
        logs = [Log("test-states.log", text)]
        rows.append(("diagnose a run, ms", f"{1000 * median(lambda: diagnose(logs, known)):.1f}"))
        began = time.perf_counter()
        figures_of(store, known)
        rows.append(("figures of all, first time, s", f"{time.perf_counter() - began:.1f}"))
        rows.append(("figures of all, again, s", f"{median(lambda: figures_of(store, known)):.2f}"))
        print(f"| {runs} runs of {SIZE / 1000:.0f} kB | |\n| --- | --- |")
        for what, value in rows:
            print(f"| {what} | {value} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
