"""`deploy-kit gate run`: round after round, woken by events, patient with a server that is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from deploykit.base.filelock import only_one
from deploykit.base.times import utc_now
from deploykit.gate.events import Events
from deploykit.gate.reconcile import Gate
from deploykit.gate.report import write_report
from deploykit.gate.rest import GerritAway
from deploykit.gate.standing import queues_json
from deploykit.gate.trees import Unfetched

QUIET, BUSY = 60.0, 1.0  # seconds between two looks: at everything, at jobs that run
PAUSE_FIRST, PAUSE_MOST = 1.0, 60.0  # seconds before the server is asked again


def run_gate(
    gate: Gate,
    event_words: Sequence[str],
    lock: Path,
    *,
    until: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Run `gate` until `until()` or an interruption; the file `lock` keeps another one out.

    `event_words` log in at the server; `sleep` lets seconds go by while that one is away. Raises
    WrongTrees, and whatever else no waiting mends.
    """
    woken = threading.Event()
    with only_one(lock, "gate"):
        events = Events(event_words, woken.set)
        try:
            _rounds(gate, woken, until, sleep, lock.parent)
        finally:
            events.stop()


def _rounds(
    gate: Gate,
    woken: threading.Event,
    until: Callable[[], bool],
    sleep: Callable[[float], None],
    folder: Path,
) -> None:
    pause, away = PAUSE_FIRST, 0.0  # seconds
    while not until():
        woken.clear()
        try:
            acted = gate.round()
            if not acted:
                leave_report(gate, folder)
        except (GerritAway, Unfetched) as error:
            if not away:
                gate.say(f"waiting: {error.message}")
            sleep(pause)
            away += pause
            pause = min(PAUSE_MOST, pause * 2)
            continue
        if away:
            gate.say(f"the server is back after some {away:.0f} s")
            pause, away = PAUSE_FIRST, 0.0
        if not acted:
            _wait(gate, woken, until)


def leave_report(gate: Gate, folder: Path) -> None:
    """Write down how the queues stand; that it cannot be is no reason to merge nothing."""
    assert gate.reading is not None
    try:
        write_report(folder, queues_json(gate, gate.reading), utc_now())
    except OSError as error:
        gate.saying.once(f"{folder}: how the queues stand cannot be kept: {error.strerror}")


def _wait(gate: Gate, woken: threading.Event, until: Callable[[], bool]) -> None:
    """Return once something may have changed: an event, a job that ended, or QUIET seconds."""
    before = gate.work.statuses()
    end = time.monotonic() + QUIET
    while time.monotonic() < end and not until():
        if woken.wait(BUSY) or gate.work.statuses() != before:
            return
