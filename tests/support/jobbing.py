"""Jobs for tests: short commands of the shell, and waiting for what becomes of them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from deploykit.base.waiting import wait_until
from deploykit.jobs import Executor, JobSpec, JobState


def job(id: str, script: str, **more: Any) -> JobSpec:
    """A job that runs `script` in /bin/sh."""
    return JobSpec(**{"id": id, "item": "c1", "argv": ("sh", "-c", script), "cwd": "/", **more})


def ended(executor: Executor, id: str, seconds: float = 90) -> JobState:
    """The state of the job once it has ended."""
    over = wait_until(lambda: not executor.poll(id).running, seconds, pause=0.02)
    assert over, f"{executor.poll(id)}\n{executor.log_text(id)}"
    return executor.poll(id)


def begun(executor: Executor, id: str, word: str = "begun", seconds: float = 90) -> None:
    """Return once the job has printed `word`."""
    there = wait_until(lambda: word in executor.log_text(id), seconds, pause=0.02)
    assert there, f"{executor.poll(id)}\n{executor.log_text(id)}"


def living(word: str) -> list[int]:
    """The processes that have `word` on their command line."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                state = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
            except OSError:
                continue
            if word.encode() in words and state not in "ZX":
                pids.append(int(entry.name))
    return pids


def unheard_of() -> str:
    """A number of seconds to sleep for that no other process sleeps for."""
    return f"{3000 + time.time_ns() % 10**9}.{os.getpid()}"
