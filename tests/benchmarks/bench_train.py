"""How long the train takes: first, again without changes, and with one changed line.

    .venv/bin/python tests/benchmarks/bench_train.py [--runs 3] > table.md

Works on a scratch checkout with a site of its own and the three shipped environments, `bootstrap`
left out of what they ask for (as the figure for lead time is defined); takes everything down at the
end. Prints a Markdown table; medians over the runs, minimum and maximum beside them.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "support"))

from railway import Railway, build  # noqa: E402

NAMES = ("test", "staging", "production")
STEP = re.compile(r"^✓ (?P<title>.*) (?P<seconds>[0-9.]+) s$", re.MULTILINE)
MEMORY = "memory: 64"


def environments() -> dict[str, str]:
    """The shipped environments without the check that builds a copy from nothing."""
    folder = CHECKOUT / "deploy-kit" / "environments"
    texts = {name: (folder / f"{name}.yml").read_text() for name in NAMES}
    return {name: text.replace(", bootstrap: {}", "") for name, text in texts.items()}


def timed(work: Callable[[], str]) -> tuple[float, str]:
    began = time.monotonic()
    said = work()
    return time.monotonic() - began, said


def train(railway: Railway) -> str:
    cut = railway("release", "cut", "--no-commit")
    up = railway("env", "up", *NAMES, timeout=600)
    done = railway("train", timeout=1800)
    return cut.stderr + up.stderr + done.stderr


def shares(said: str) -> dict[str, float]:
    """Seconds by kind of step, environments added up."""
    found: dict[str, float] = defaultdict(float)
    for match in STEP.finditer(said):
        title = re.sub(r"^\S+: ", "", match["title"])
        found[re.sub(r"\b\d{4}\.\d+\.\d+\b", "the release", title)] += float(match["seconds"])
    return found


def row(name: str, values: list[float], unit: str = "s") -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"| {name} | {middle:.1f} {unit} | {low:.1f} | {high:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="changed lines to carry")
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="bench-train-") as scratch:
        folder = Path(scratch) / "checkout"
        folder.mkdir()
        railway = build(CHECKOUT, folder, environments())
        try:
            railway("setup")
            railway("image", "build", timeout=900)
            first, _ = timed(lambda: train(railway))
            memory = sum(entry["memory"] for entry in railway.json("env", "list"))
            again = [timed(lambda: train(railway))[0] for _ in range(runs)]
            leads, parts = [], defaultdict(list)
            for run in range(runs):
                railway.change(
                    "salt/pillar/memcached.sls", f"memory: {64 + run}", f"memory: {65 + run}"
                )
                seconds, said = timed(lambda: train(railway))
                leads.append(seconds)
                for title, share in shares(said).items():
                    parts[title].append(share)
        finally:
            railway("env", "down", "--all", "--yes", timeout=300)
    print(f"{os.cpu_count()} cores; {runs} runs\n")
    print("| what | median | min | max |\n| --- | --- | --- | --- |")
    print(row("first train, image and packages as cached by this machine", [first]))
    print(row("again without changes", again))
    print(row("one changed line, commit to production", leads))
    for title, values in sorted(parts.items(), key=lambda item: -statistics.median(item[1])):
        print(row(f"… of which {title} (three environments)", values))
    print(row("memory of the three environments", [memory / 2**30], "GiB"))


if __name__ == "__main__":
    main()
