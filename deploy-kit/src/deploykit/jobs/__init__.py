"""Jobs: commands that run for a while elsewhere than in the process that wants them.

What runs them is an executor, a plugin of the entry point group `deploykit.executors`: `local`
(processes of this machine) or `jenkins`. An executor remembers its jobs; whoever wants them does
not have to: a new process finds them by their ids.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol

from deploykit.base.errors import InputError
from deploykit.base.printable import one_line
from deploykit.base.yamlfile import nearest

if TYPE_CHECKING:
    from deploykit.site import Site

GROUP = "deploykit.executors"
DEFAULT = "local"
SECTION = "jobs"  # of site.yml
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LEAST_SECRET = 6  # characters: shorter ones would blank out ordinary words
GIB = 2**30


class Phase(StrEnum):
    """Where a job is: not begun for want of room, at work, or over."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


class Result(StrEnum):
    """How a job ended. LOST: what ran it went away; BROKEN: it could not be run as asked."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    CANCELLED = "cancelled"
    LOST = "lost"
    BROKEN = "broken"


VERDICTS = frozenset({Result.PASSED, Result.FAILED, Result.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What is to be run.

    `id` is chosen by the caller and names this one run for good: to start it a second time changes
    nothing. `item` says whom it is for, `trees` (ids by repository), `digest` (a kit's) and
    `suites` what is tried: the executor only keeps them. `env` is added to the executor's own
    environment, `secrets` too, but these are never written down and are masked in the log.

    The job fails if it takes longer than `timeout` seconds. Whoever ends it gives it `grace`
    seconds to tidy up before it is killed. `memory` is what it is expected to take, in bytes.
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
    memory: int = GIB

    def __post_init__(self) -> None:
        for problem, remedy in _problems(self):
            raise InputError(f"job '{self.id}': {problem}", remedy)


def _problems(spec: JobSpec) -> list[tuple[str, str]]:
    problems = []
    if not ID.fullmatch(spec.id):
        problems.append(("its id is no name", "letters, digits, '.', '_' and '-', at most 100"))
    if not spec.argv or not spec.argv[0]:
        problems.append(("it has no command", "name the program and its words in `argv`"))
    if spec.timeout <= 0 or spec.grace < 0 or spec.memory < 0:
        problems.append(("a time or size is negative", "seconds and bytes, the timeout above 0"))
    problems += [
        (f"'{name}' is no name of a variable", "letters, digits and '_'")
        for name in (*spec.env, *spec.secrets)
        if not VARIABLE.fullmatch(name)
    ]
    problems += [
        (f"the secret {name} has fewer than {LEAST_SECRET} characters", "take a longer one")
        for name, value in spec.secrets.items()
        if len(value) < LEAST_SECRET
    ]
    shown = [*spec.argv, *spec.env.values(), spec.cwd, spec.item, *spec.suites]
    problems += [
        (f"the secret {name} stands in its command or environment", "leave it to `secrets`")
        for name, value in spec.secrets.items()
        if value and any(value in word for word in shown)
    ]
    return problems


@dataclass(frozen=True, slots=True)
class JobState:
    """What is known of a job now.

    `log` is where its output is: a file's path, or a URL. `summary` is one line for people. `began`
    and `ended` are None as long as it did not.
    """

    id: str
    item: str
    phase: Phase
    requested: datetime
    log: str
    result: Result | None = None
    summary: str = ""
    began: datetime | None = None
    ended: datetime | None = None

    @property
    def running(self) -> bool:
        """Whether it is still to be waited for."""
        return self.phase is not Phase.ENDED

    def over(self, result: Result, why: str, at: datetime) -> JobState:
        """The same job, ended at a time, and in one line why it ended so."""
        return replace(self, phase=Phase.ENDED, result=result, summary=one_line(why), ended=at)

    @property
    def is_verdict(self) -> bool:
        """Whether its result says something about what was tried, not only about what tried it."""
        return self.result in VERDICTS


class Executor(Protocol):
    """The contract of an executor plugin; `deploykit.executors` names what makes one of a site.

    `start` returns when the job will run whatever becomes of the caller; the same spec again is the
    same job. `poll` and `cancel` take the id of any job that this executor ever started, by this
    process or another. After `cancel` returned, nothing of the job runs any more. `log_text` is
    what it has printed so far, without its secrets and without the first `start` bytes (of UTF-8).
    `jobs` lists all that are remembered, the oldest first; `forget` removes what ended before a
    time, and returns how many that were.

    Raise InputError for an id that nobody started, DeployKitError if the executor cannot be asked:
    then nothing is known, and it is asked again later.
    """

    def start(self, spec: JobSpec) -> str: ...

    def poll(self, id: str) -> JobState: ...

    def cancel(self, id: str) -> None: ...

    def jobs(self) -> list[JobState]: ...

    def log_text(self, id: str, start: int = 0) -> str: ...

    def forget(self, before: datetime) -> int: ...


def executor_for(site: Site) -> Executor:
    """The executor that site.yml names (`jobs: {executor: NAME}`), else the local one.

    Raises InputError if there is none of that name, or its settings do not fit.
    """
    section = site.section(SECTION)
    name = DEFAULT
    if section is not None and "executor" in (keys := section.mapping()):
        name = keys["executor"].text()
    executors = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in executors:
        assert section is not None
        raise section.mapping()["executor"].error(
            f"there is no executor '{name}'", nearest(name, frozenset(executors))
        )
    made: Executor = executors[name].load()(site)
    return made
