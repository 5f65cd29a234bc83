"""Runs molecule for one suite or several side by side, within the machine's memory."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploykit.site import Site

from . import nodes
from .report import Outcome, steps_of
from .suites import KITCHEN, Suite

TIMEOUT = 1800.0  # seconds for one suite
MEMORY_SHARE = 0.7  # of what is available, for the suites that run at once
LAST_PLAY = "PLAY [Take the suite's nodes down]"  # playbooks/destroy.yml
TAIL = 60  # lines of molecule's output that a failure shows


def environment(suite: Suite, site: Site) -> dict[str, str]:
    """The variables that base.yml and the playbooks read."""
    folder = nodes.run_folder(suite.name, site)
    (folder / "molecule").mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "KITCHEN": str(KITCHEN),
        "KITCHEN_SUITE": suite.name,
        "KITCHEN_RUN": str(folder),
        "KITCHEN_SSH": str(folder / "ssh_config"),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(folder / "molecule"),
        "MOLECULE_GLOB": str(KITCHEN / "suites" / "*" / "suite.yml"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_COLOR": "1",
        "PYTHONPATH": str(KITCHEN),
    }


def command(act: str, suite: Suite) -> list[str]:
    molecule = str(Path(sys.executable).with_name("molecule"))
    return [molecule, "-c", str(KITCHEN / "base.yml"), act, "--scenario-name", suite.name]


class Molecules:
    """The molecule runs in progress, so that all of them can be ended together."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, suite: Suite, site: Site, log: Path) -> bool:
        """`molecule test` of a suite, its output in `log`; whether it passed in time."""
        with self._lock, log.open("wb") as sink:
            if self._stopped:
                return False
            child = subprocess.Popen(
                command("test", suite),
                cwd=KITCHEN,
                env={**os.environ, **environment(suite, site)},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(child)
        try:
            return child.wait(timeout=TIMEOUT) == 0
        except subprocess.TimeoutExpired:
            with log.open("a", encoding="utf-8") as sink:
                sink.write(f"\nnot finished within {TIMEOUT:.0f} s\n")
            return False
        finally:
            _end(child)
            self._running.discard(child)

    def stop(self) -> None:
        """End what runs and start nothing more."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def test(suite: Suite, site: Site, molecules: Molecules) -> Outcome:
    """The whole sequence of one suite on fresh nodes, which are removed afterwards."""
    log = site.logs / "kitchen" / f"{suite.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    began = time.monotonic()
    try:
        passed = molecules.run(suite, site, log)
    finally:
        nodes.down(suite.name, site)
    output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else "not started"
    steps = steps_of(output)
    return Outcome(suite.name, passed, time.monotonic() - began, log, steps, gist(output))


def gist(output: str) -> str:
    """What molecule printed up to the failure: without its own log and without the removal."""
    before = output.rpartition(LAST_PLAY)[0] or output
    lines = [line for line in before.splitlines() if not line.startswith("INFO ")]
    return "\n".join(lines[-TAIL:])


def step(act: str, suite: Suite, site: Site) -> int:
    """One action of molecule on a suite's nodes, which stay; its exit status, 0 or 1."""
    if nodes.is_up(suite.name, site):
        nodes.refresh(suite, site)
    result = subprocess.run(
        command(act, suite),
        cwd=KITCHEN,
        env={**os.environ, **environment(suite, site)},
        timeout=TIMEOUT,
        check=False,
    )
    return int(result.returncode != 0)


def test_all(
    suites: Sequence[Suite],
    jobs: int,
    report: Callable[[Outcome], None],
    test_suite: Callable[[Suite], Outcome],
) -> list[Outcome]:
    """Test each of `suites` by `test_suite`, at most `jobs` at once and only what fits into memory
    together.

    `report` is called with each outcome as it comes. Returns all in the order of `suites`.
    """
    room = Room(available_memory() * MEMORY_SHARE)

    def test_one(suite: Suite) -> Outcome:
        with room.taken(suite.memory):
            outcome = test_suite(suite)
        report(outcome)
        return outcome

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(test_one, suites))


class Room:
    """Memory that several threads share: `taken` waits until its part is free.

    What is larger than all of it waits until it is alone.
    """

    def __init__(self, size: float) -> None:
        self._size = size
        self._used = 0.0
        self._changed = threading.Condition()

    def taken(self, part: float) -> _Part:
        return _Part(self, min(part, self._size))

    def take(self, part: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._used + part <= self._size)
            self._used += part

    def give(self, part: float) -> None:
        with self._changed:
            self._used -= part
            self._changed.notify_all()


class _Part:
    def __init__(self, room: Room, part: float) -> None:
        self._room, self._part = room, part

    def __enter__(self) -> None:
        self._room.take(self._part)

    def __exit__(self, *_: object) -> None:
        self._room.give(self._part)


def available_memory() -> float:
    """MiB that the kernel says are available."""
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    return 4096.0
