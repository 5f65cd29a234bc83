"""Running programs for the benchmarks, and what they used: seconds, processor seconds, memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICK = 0.01
_TIMEOUT = 900.0
# An installed program has its bytecode; with this set, each call would compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@dataclass(frozen=True)
class Figure:
    """What a run used: wall and CPU seconds, the children's included."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Goal:
    """A figure that is asked for; `met` says whether this run had it."""

    what: str
    measured: str
    wanted: str
    met: bool


def program(name: str) -> str:
    """A program of the virtual environment that this Python is in."""
    return str(Path(sys.executable).with_name(name))


def call(argv: Sequence[str], cwd: Path | None = None, **extra: str) -> str:
    """Run a program to its end and give what it printed."""
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={**os.environ, **extra},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
    )
    if done.returncode:
        sys.exit(f"{argv[:4]} failed: {done.stderr or done.stdout}")
    return done.stdout


def measured(action: Callable[[], object]) -> Figure:
    """The seconds that an action takes, and the CPU seconds of the programs that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    action()
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Figure(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def median(figures: Iterable[Figure]) -> Figure:
    """The medians of both columns."""
    figures = list(figures)
    return Figure(
        statistics.median(one.wall for one in figures),
        statistics.median(one.cpu for one in figures),
    )


def peak_memory(argv: Sequence[str], **extra: str) -> int:
    """The most memory (bytes) that a program and all its descendants had at one time.

    Looked at a hundred times a second; pages that several of them share count once
    (proportional set size, proc_pid_smaps_rollup(5)).
    """
    process = subprocess.Popen(
        argv,
        env={**os.environ, **extra},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_pss(pid) for pid in _family(process.pid)))
        time.sleep(_TICK)
    if process.returncode:
        assert process.stderr is not None
        sys.exit(f"{argv[:4]} failed: {process.stderr.read().decode()}")
    return peak


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        with suppress(OSError):
            for thread in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def _pss(pid: int) -> int:
    with suppress(OSError, IndexError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.split("\nPss:", 1)[1].split()[0]) * 1024
    return 0


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table, with an empty line before it."""
    print()
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")
    sys.stdout.flush()


def goals(rows: Iterable[Goal]) -> None:
    """Print what was asked for beside what was measured."""
    table(
        ("what", "measured", "wanted", "met"),
        [(one.what, one.measured, one.wanted, "yes" if one.met else "NO") for one in rows],
    )


def at_most(what: str, value: float, wanted: float, unit: str) -> Goal:
    """A goal of not using more than so much."""
    return Goal(what, f"{value:.2f} {unit}", f"at most {wanted:g} {unit}", value <= wanted)
