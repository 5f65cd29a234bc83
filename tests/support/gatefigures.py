"""What the gate itself costs: real Gerrit, real merges, jobs that take nothing."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deploykit.base.errors import InputError
from deploykit.jobs import JobSpec, JobState, Phase, Result
from gatesite import GateSite


@dataclass
class NothingJobs:
    """An executor whose jobs have passed when they begin."""

    states: dict[str, JobState] = field(default_factory=dict)

    def start(self, spec: JobSpec) -> str:
        now = datetime.now(UTC)
        state = JobState(spec.id, spec.item, Phase.ENDED, now, "", Result.PASSED, "", now, now)
        self.states.setdefault(spec.id, state)
        return spec.id

    def poll(self, id: str) -> JobState:
        if id not in self.states:
            raise InputError(f"there is no job '{id}'")
        return self.states[id]

    def cancel(self, id: str) -> None:
        self.poll(id)

    def log_text(self, id: str) -> str:
        return ""


@dataclass(frozen=True)
class Cost:
    """Seconds from the gate's start to the last merge, and its CPU seconds for each change."""

    seconds: float
    cpu: float


def cost(site: GateSite, count: int, longest: float = 900.0) -> Cost:
    """Merge `count` changes that are approved already, each after its check; jobs take nothing.

    CPU is that of the gate's process and of the git and ssh that it starts. Raises TimeoutError.
    """
    changes = [site.push({f"file{number}.txt": "x\n"}) for number in range(count)]
    for change in changes:
        site.approve(change)
    gate = site.gate()
    began, before = time.monotonic(), _cpu()
    while gate.round() or not all(site.now(change)["status"] == "MERGED" for change in changes):
        if time.monotonic() > began + longest:
            raise TimeoutError(f"not merged after {longest:.0f} s: {site.said[-3:]}")
    seconds, cpu = time.monotonic() - began, _cpu() - before
    return Cost(seconds, cpu / count)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
