"""Runs molecule for one suite or several side by side, within the machine's memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploykit.errors import DeployKitError
from deploykit.process import run
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


def test(suite: Suite, site: Site) -> Outcome:
    """The whole sequence of one suite on fresh nodes, which are gone afterwards."""
    log = site.logs / "kitchen" / f"{suite.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    began = time.monotonic()
    printed, said, passed = "", "", False
    try:
        result = run(
            command("test", suite),
            timeout=TIMEOUT,
            cwd=KITCHEN,
            env=environment(suite, site),
            log=log,
            check=False,
        )
        printed, passed = result.stdout + result.stderr, result.returncode == 0
        said = result.stdout.rpartition(LAST_PLAY)[0] or printed
    except DeployKitError as error:
        said = f"{error.message}\n{error.remedy}"
    finally:
        nodes.down(suite.name, site)
    tail = "\n".join(said.splitlines()[-TAIL:])
    return Outcome(suite.name, passed, time.monotonic() - began, log, steps_of(printed), tail)


def step(act: str, suite: Suite, site: Site) -> int:
    """One action of molecule on a suite's nodes, which stay; its exit status, 0 or 1."""
    if nodes.standing(suite.name, site):
        nodes.refresh(suite, site)
    done = subprocess.run(
        command(act, suite),
        cwd=KITCHEN,
        env={**os.environ, **environment(suite, site)},
        timeout=TIMEOUT,
        check=False,
    )
    return int(done.returncode != 0)


def test_all(
    suites: Sequence[Suite],
    site: Site,
    jobs: int,
    told: Callable[[Outcome], None],
    tested: Callable[[Suite, Site], Outcome] = test,
) -> list[Outcome]:
    """Test `suites`, at most `jobs` at once and only as many as fit into memory together.

    `told` hears of each as it ends. Returns the outcomes in the order of `suites`.
    """
    room = Room(available_memory() * MEMORY_SHARE)

    def one(suite: Suite) -> Outcome:
        with room.taken(suite.memory):
            outcome = tested(suite, site)
        told(outcome)
        return outcome

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, suites))


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
