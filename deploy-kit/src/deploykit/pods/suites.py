"""Suites as commands that run side by side, one at a time on each pod; what came out of each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from deploykit.base import files
from deploykit.base.process import end_group
from deploykit.nodes.inventory import Inventory
from deploykit.pods.reach import pod_environment
from deploykit.site import Site

PYTEST = "pytest"
TICK = 0.1  # seconds between two looks
ENDING = 5.0  # seconds for a suite that is told to end
TIMED_OUT, NOT_STARTED = 124, 127  # as timeout(1) and shells have them


@dataclass(frozen=True, slots=True)
class Suites:
    """What is to be run: the words of `command`, with one of `suites` behind them each time.

    `command` ("pytest",) is pytest with its hosts and results. Logs and results are files in
    `results`; a suite may take `timeout` seconds.
    """

    command: tuple[str, ...]
    suites: tuple[str, ...]
    results: Path
    timeout: float

    @property
    def is_pytest(self) -> bool:
        return self.command == (PYTEST,)

    def file(self, suite: str, ending: str) -> Path:
        """The file of a suite in `results`; no two suites share one."""
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", suite).strip("-.")[:60]
        return self.results / f"{self.suites.index(suite) + 1:02}-{slug}{ending}"


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """How one suite went: its exit status, wall time, and the pod that it ran on."""

    suite: str
    pod: str
    status: int
    seconds: float
    log: Path
    junit: Path

    @property
    def passed(self) -> bool:
        return self.status == 0


@dataclass(slots=True)
class _Started:
    suite: str
    pod: str
    child: subprocess.Popen[bytes] | None
    began: float


def run_suites(
    site: Site, asked: Suites, hands: Sequence[tuple[Inventory, Sequence[str]]]
) -> list[SuiteRun]:
    """Run the suites of each of `hands` on its pod, one after the other; in the order of `asked`.

    However this ends, none of them runs on. Raises OSError if no log can be written.
    """
    asked.results.mkdir(parents=True, exist_ok=True)
    left = [(pod, list(suites)) for pod, suites in hands]
    running: list[_Started | None] = [None] * len(left)
    done: list[SuiteRun] = []
    try:
        while any(running) or any(suites for _, suites in left):
            for n, (pod, suites) in enumerate(left):
                if (started := running[n]) is not None and (run := _finished_run(asked, started)):
                    done.append(run)
                    running[n] = None
                if running[n] is None and suites:
                    running[n] = _start(site, asked, suites.pop(0), pod)
            time.sleep(TICK)
    finally:
        for started in running:
            if started is not None and started.child is not None:
                end_group(started.child, ENDING)
    return sorted(done, key=lambda run: asked.suites.index(run.suite))


def argv_of(asked: Suites, suite: str, pod: Inventory) -> list[str]:
    """What is started for a suite. Tests of testinfra meet every node of the pod, if they do not
    say which."""
    if not asked.is_pytest:
        return [*asked.command, suite]
    hosts = ",".join(f"ssh://{host.name}" for host in pod.hosts)
    junit = asked.file(suite, ".xml").resolve()
    argv = [sys.executable, "-m", "pytest", suite, f"--junitxml={junit}"]
    return [*argv, f"--ssh-config={pod.ssh_config}", f"--hosts={hosts}"]


def _start(site: Site, asked: Suites, suite: str, pod: Inventory) -> _Started:
    """A suite that could not be started has no child, and the reason in its log."""
    argv = argv_of(asked, suite, pod)
    env = {**os.environ, **pod_environment(site, pod)}
    child = None
    asked.file(suite, ".xml").unlink(missing_ok=True)  # an older run's
    with asked.file(suite, ".log").open("wb") as log:
        try:
            child = subprocess.Popen(
                argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            log.write(f"cannot start {argv[0]}: {error.strerror}\n".encode())
    return _Started(suite, str(pod.instance), child, time.monotonic())


def _finished_run(asked: Suites, started: _Started) -> SuiteRun | None:
    """How a suite went; None as long as it runs and may."""
    seconds = time.monotonic() - started.began
    status: int | None = NOT_STARTED
    if started.child is not None:
        status = started.child.poll()
        if status is None and seconds > asked.timeout:
            end_group(started.child, ENDING)
            status = TIMED_OUT
    if status is None:
        return None
    junit, log = asked.file(started.suite, ".xml"), asked.file(started.suite, ".log")
    shown = status if status >= 0 else 128 - status
    run = SuiteRun(started.suite, started.pod, shown, seconds, log, junit)
    if not junit.is_file():  # no pytest, or one that did not come so far
        files.write(junit, _junit(run))
    return run


def _junit(run: SuiteRun) -> str:
    """JUnit XML of a suite as one test."""
    failed = int(not run.passed)
    took = f"{run.seconds:.3f}"
    counts = {"tests": "1", "failures": str(failed), "errors": "0", "time": took}
    suite = ElementTree.Element("testsuite", {"name": run.suite, **counts})
    case = ElementTree.SubElement(suite, "testcase", name=run.suite, classname="suite", time=took)
    if failed:
        ElementTree.SubElement(case, "failure", message=f"exit status {run.status}, see {run.log}")
    return ElementTree.tostring(suite, encoding="unicode")
