"""What the gate asks of whatever runs its jobs: the contract of `deploykit.jobs`, as far as it
uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from deploykit.base.errors import InputError


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job to run: `argv` in `cwd` for at most `timeout` seconds.

    `id` is the gate's own and never used for another run. `env` is added to the executor's own
    environment; the gate's secrets are not in it. `item`, `digest` (of the trees) and `suites` are
    for people. `grace`: seconds to tidy up; `memory`: bytes that it is expected to take.
    """

    id: str
    item: str
    argv: tuple[str, ...]
    cwd: str
    trees: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    suites: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 3600.0
    grace: float = 10.0
    memory: int = 2**30


class JobState(Protocol):
    """How a job is: `running` (or waiting for room), or its `result`: 'passed', 'failed' or
    'timed-out'; anything else tells nothing of what was tried (cancelled, lost, broken)."""

    @property
    def running(self) -> bool: ...
    @property
    def result(self) -> str | None: ...
    @property
    def log(self) -> str: ...
    @property
    def began(self) -> datetime | None: ...
    @property
    def ended(self) -> datetime | None: ...


class Executor(Protocol):
    """Runs jobs that outlive the process that started them, and finds them again by their ids.

    `poll` and `cancel` raise InputError for an id that nobody started.
    """

    def start(self, spec: JobSpec) -> str: ...

    def poll(self, id: str) -> JobState: ...

    def cancel(self, id: str) -> None: ...

    def log_text(self, id: str) -> str: ...


def poll(executor: Executor, id: str) -> JobState | None:
    """How a job is; None for one that was never started."""
    try:
        return executor.poll(id)
    except InputError:
        return None
