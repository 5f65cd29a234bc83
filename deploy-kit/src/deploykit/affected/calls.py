"""Runs suites by make, each with a time after which it is stopped, and says what came out."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from deploykit.affected.suites import KITCHEN, Suite

KITCHEN_RESULTS = Path("logs/kitchen.xml")
CORE_RESULTS = Path("logs/core.xml")
GRACE = 150.0  # seconds that a call which is stopped has for taking its nodes down


@dataclass(frozen=True, slots=True)
class Outcome:
    """One suite's run: 'passed', 'failed' or 'unfinished' (stopped), and its seconds."""

    suite: str
    result: str
    seconds: float


def make(folder: Path, words: Sequence[str], timeout: float) -> str:
    """Run make in `folder`, its output where ours goes; 'passed', 'failed' or 'unfinished'.

    After `timeout` seconds, or if this process is ended, everything it started hears Ctrl-C, so
    that nodes go; what is left after GRACE is killed.
    """
    # A call from a script's background would have its children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    child = subprocess.Popen(
        ["make", *words], cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return "passed" if child.wait(timeout=max(timeout, 0.0)) == 0 else "failed"
    except subprocess.TimeoutExpired:
        return "unfinished"
    finally:
        stop(child, GRACE)


def stop(child: subprocess.Popen[bytes], grace: float) -> None:
    """End the process group of `child`, if it still runs: Ctrl-C, then SIGKILL."""
    if child.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=grace)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def run_suites(folder: Path, suites: Sequence[Suite], timeout: float) -> list[Outcome]:
    """Run `suites` in one call of make: one of a target, or several of the kitchen."""
    began = time.monotonic()
    if not suites[0].in_kitchen:
        result = make(folder, [suites[0].target], timeout)
        return [Outcome(suites[0].name, result, time.monotonic() - began)]
    names = [suite.name.removeprefix(KITCHEN) for suite in suites]
    (folder / KITCHEN_RESULTS).unlink(missing_ok=True)
    result = make(folder, ["kitchen", f"SUITE={' '.join(names)}"], timeout)
    seconds = time.monotonic() - began
    outcomes = {
        outcome.suite: outcome
        for outcome in kitchen_outcomes(folder, stopped=result == "unfinished")
    }
    # What the kitchen does not report failed, or never came to its turn.
    lost = "failed" if result == "passed" else result
    return [outcomes.get(suite.name, Outcome(suite.name, lost, seconds)) for suite in suites]


def kitchen_outcomes(folder: Path, stopped: bool) -> list[Outcome]:
    """What the kitchen's last run reported; none if it wrote nothing that can be read.

    Of a run that was stopped, a suite without a step that failed is 'unfinished'.
    """
    try:
        root = ElementTree.parse(folder / KITCHEN_RESULTS).getroot()  # noqa: S314 -- our own
    except (OSError, ElementTree.ParseError):
        return []
    outcomes = []
    for suite in root.iter("testsuite"):
        failed = [
            case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None
        ]
        result = "failed" if failed else "passed"
        if stopped and failed == ["start"]:
            result = "unfinished"
        name, seconds = f"{KITCHEN}{suite.get('name')}", float(suite.get("time") or 0)
        outcomes.append(Outcome(name, result, seconds))
    return outcomes


def core_seconds(folder: Path) -> dict[str, float]:
    """Seconds of each file of the core's tests on nodes, of its last run; {} if it left none."""
    try:
        root = ElementTree.parse(folder / CORE_RESULTS).getroot()  # noqa: S314 -- our own
    except (OSError, ElementTree.ParseError):
        return {}
    seconds: dict[str, float] = {}
    for case in root.iter("testcase"):
        file = case.get("file") or ""
        seconds[file] = seconds.get(file, 0.0) + float(case.get("time") or 0)
    return seconds
