"""Builds on disk: one folder each, written before the first job starts.

The folder is all that the gate knows of a build, besides what the executor says of its jobs. So a
gate that is started anew finds every build again, and a job never runs for nobody.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deploykit.base import files, times
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.printable import one_line
from deploykit.gate.attempts import TRIES, Attempt, combined
from deploykit.gate.builds import CHECK, Build, Status
from deploykit.gate.job import Job, PodWish
from deploykit.gate.trees import Remote, Tips, Trees
from deploykit.jobs import GIB, Executor, JobSpec, JobState, Result
from deploykit.logs.masking import masked

FILE = "build.json"
FORMAT = 1
CONTENT = "content"  # the file of a build with the digest of what its kit brings
NO_POD = "no-pod"  # the folder of a build in which jobs say why they got no pod
GRACE, POD_GRACE = 10.0, 60.0  # seconds to end in; a pod takes some to go


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """A build as its folder has it: what is tested, in which state, by which jobs.

    `broken` is why its jobs cannot be known ('' if they are): then it fails without any. `paths`
    are those that the item alters, `before` the commits that it stands on, `site` the folder of the
    site whose gate it is.
    """

    build: Build
    item: str
    token: str
    commits: Tips
    jobs: tuple[Job, ...]
    broken: str = ""
    paths: tuple[str, ...] = ()
    before: Tips = field(default_factory=dict)
    site: str = ""

    def base(self, project: str) -> str:
        """The commit of `project` that the item stands on; '' if the state has no such project."""
        return next((commit for (name, _), commit in self.before.items() if name == project), "")


@dataclass(frozen=True, slots=True)
class Ran:
    """One job of a build, for people: its result, seconds, log, and when it ended (UTC)."""

    name: str
    result: str
    seconds: float
    log: str
    ended: datetime | None = None


class Work:
    """The builds below `folder`, run by `executor`; `trees` has what they test."""

    def __init__(self, folder: Path, executor: Executor, trees: Trees) -> None:
        self._folder = folder
        self._executor = executor
        self._trees = trees
        self._over: dict[Build, Status] = {}  # what is over stays so: not looked at again

    def statuses(self) -> dict[Build, Status]:
        """Every build, and how far it is. A folder that cannot be read counts as none."""
        statuses: dict[Build, Status] = {}
        for plan in self._all():
            if plan.build not in self._over:
                status = self._status(plan)
                if status.over:
                    self._over[plan.build] = status
                    self._trees.release(plan.build.id, {place[0] for place in plan.commits})
                else:
                    statuses[plan.build] = status
            if plan.build in self._over:
                statuses[plan.build] = self._over[plan.build]
        return statuses

    def start(self, plan: BuildPlan) -> None:
        """Write a build down and start its jobs. Raises DeployKitError for a full disk."""
        self._trees.hold(plan.build.id, plan.commits)
        folder = self._folder / plan.build.id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files.write(folder / FILE, _plan_text(plan), sync=True)
        except OSError as error:
            raise DeployKitError(
                f"cannot write {folder}: {error.strerror}", "make room on that disk"
            ) from None
        self._run(plan)

    def resume(self) -> list[str]:
        """Start what should run and does not: jobs that were never started, were lost, or got no
        pod a while ago. Returns a line for each that is tried again."""
        unfinished = [plan for plan in self._all() if plan.build not in self._over]
        return [line for plan in unfinished for line in self._run(plan)]

    def cancel(self, build: Build) -> None:
        """End the jobs of a build, and forget it."""
        plan = self.plan(build)
        if plan is not None:
            for job in plan.jobs:
                for attempt in range(1, TRIES + 1):
                    id = _job_id(plan, job, attempt)
                    if (state := _poll(self._executor, id)) is not None and state.running:
                        self._executor.cancel(id)
            self._trees.release(build.id, {place[0] for place in plan.commits})
        files.remove_tree(self._folder / build.id)

    def ran(self, build: Build) -> list[Ran]:
        """The jobs of a build as far as they are over."""
        plan = self.plan(build)
        if plan is None:
            return []
        jobs = []
        for job in plan.jobs:
            last = self._last(plan, job)
            if last is not None and last.ended:
                state = last.state
                taken = state.ended - state.began if state.ended and state.began else timedelta()
                result = last.why or str(state.result or "")
                seconds = taken.total_seconds()
                jobs.append(Ran(job.name, result, seconds, state.log, state.ended))
        return jobs

    def failed_logs(self, build: Build) -> dict[str, str]:
        """Where the logs are of the jobs that ended without passing, by their names."""
        return {job.name: job.log for job in self.ran(build) if job.result != Result.PASSED}

    def log_texts(self, build: Build) -> dict[str, str]:
        """What the jobs of a build printed, by their names."""
        plan = self.plan(build)
        if plan is None:
            return {}
        texts = {}
        for job in plan.jobs:
            last = self._last(plan, job)
            if last is not None:
                texts[job.name] = self._executor.log_text(_job_id(plan, job, last.number))
        return texts

    def latest(self, item: str) -> BuildPlan | None:
        """The newest build of an item; of an item in a queue rather than of a check."""
        builds = [plan for plan in self._all() if plan.item == item]

        def when(plan: BuildPlan) -> tuple[bool, float]:
            return plan.build.pipeline != CHECK, self.written(plan.build)

        return max(builds, key=when, default=None)

    def written(self, build: Build) -> float:
        """When a build was begun, in seconds; 0 for one that is not there."""
        file = self._folder / build.id / FILE
        return file.stat().st_mtime if file.is_file() else 0.0

    def plan(self, build: Build) -> BuildPlan | None:
        """What its folder says of a build; None if there is none."""
        return self._read(self.folder(build))

    def folder(self, build: Build) -> Path:
        """Where a build is, or would be."""
        return self._folder / build.id

    def _all(self) -> list[BuildPlan]:
        if not self._folder.is_dir():
            return []
        builds = (self._read(folder) for folder in sorted(self._folder.iterdir()))
        return [plan for plan in builds if plan is not None]

    def _read(self, folder: Path) -> BuildPlan | None:
        try:
            return read_build(folder)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _status(self, plan: BuildPlan) -> Status:
        if plan.broken:
            return Status.FAILED
        attempts = [self._last(plan, job) for job in plan.jobs]
        return combined([last.status if last else Status.RUNNING for last in attempts])

    def _last(self, plan: BuildPlan, job: Job) -> Attempt | None:
        """The last attempt of a job; None if there was none."""
        attempt = None
        for number in range(1, TRIES + 1):
            state = _poll(self._executor, _job_id(plan, job, number))
            if state is None:
                break
            why = _read_no_pod(self._folder / plan.build.id, job.name, number) if job.pod else ""
            attempt = Attempt(number, state, why)
        return attempt

    def _run(self, plan: BuildPlan) -> list[str]:
        """Start the jobs of a build that are due; a line for each that is tried again."""
        again = []
        for job in plan.jobs:
            last = self._last(plan, job)
            if last is None:
                self._executor.start(self._spec(plan, job, 1))
            elif (due := last.next_at()) is not None and due <= times.utc_now():
                self._executor.start(self._spec(plan, job, last.number + 1))
                again.append(f"again: {job.name} of {plan.item}, attempt {last.number + 1} of "
                             f"{TRIES}: {last.why}")  # fmt: skip
        return again

    def _spec(self, plan: BuildPlan, job: Job, attempt: int) -> JobSpec:
        folder = self._folder / plan.build.id
        return JobSpec(
            id=_job_id(plan, job, attempt),
            item=plan.item,
            digest=plan.build.trees,
            suites=(job.name,),
            argv=(
                sys.executable,
                "-m",
                "deploykit.gate.running",
                str(folder),
                job.name,
                str(attempt),
            ),
            cwd=str(folder),
            env={
                "GATE_ITEM": plan.item,
                "GATE_PIPELINE": plan.build.pipeline,
                "GATE_BASE": plan.base(job.folder),
            },
            timeout=float(job.timeout),
            grace=POD_GRACE if job.pod else GRACE,
            memory=job.memory,
        )


def new_token() -> str:
    """What tells the jobs of a build from those of one of the same id that was cancelled."""
    return secrets.token_hex(4)


def stores_of(folder: Path) -> Trees:
    """The repositories of the gate that has the build in `folder`: nothing is fetched by them."""
    return Trees(folder.parent.parent / "stores", Remote(""))


def read_build(folder: Path) -> BuildPlan:
    """The build in `folder`. Raises OSError, ValueError, KeyError or TypeError if none is there."""
    return _parse_plan(json.loads((folder / FILE).read_text(encoding="utf-8")))


def _poll(executor: Executor, id: str) -> JobState | None:
    """How a job is; None for one that was never started."""
    try:
        return executor.poll(id)
    except InputError:
        return None


def note_content(folder: Path, content: str) -> None:
    """Keep the digest of what the kit of the build in `folder` brings (gate.content)."""
    files.write(folder / CONTENT, content)


def read_content(folder: Path) -> str:
    """The digest that `note_content` kept; '' if it did not."""
    file = folder / CONTENT
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def note_no_pod(folder: Path, job: str, number: int, why: str) -> None:
    """Say, for the build in `folder`, that this attempt at a job got no pod: it tells nothing."""
    file = _no_pod_file(folder, job, number)
    file.parent.mkdir(exist_ok=True)
    files.write(file, one_line(masked(why)))


def _read_no_pod(folder: Path, job: str, number: int) -> str:
    """Why an attempt got no pod; '' if it did."""
    file = _no_pod_file(folder, job, number)
    return file.read_text(encoding="utf-8") or "?" if file.is_file() else ""


def _no_pod_file(folder: Path, job: str, number: int) -> Path:
    return folder / NO_POD / f"{job}-{number}"


def _job_id(plan: BuildPlan, job: Job, attempt: int) -> str:
    return f"{plan.build.id[:12]}-{plan.token}-{job.name}-{attempt}"


def _plan_text(plan: BuildPlan) -> str:
    value = {
        "format": FORMAT,
        "pipeline": plan.build.pipeline,
        "changes": list(plan.build.commits),
        "trees": plan.build.trees,
        "ask": plan.build.ask,
        "item": plan.item,
        "token": plan.token,
        "commits": _tips_json(plan.commits),
        "before": _tips_json(plan.before),
        "site": plan.site,
        "jobs": [_job_json(job) for job in plan.jobs],
        "broken": plan.broken,
        "paths": list(plan.paths),
    }
    return json.dumps(value, indent=1)


def _parse_plan(value: Mapping[str, Any]) -> BuildPlan:
    if value["format"] != FORMAT:
        raise ValueError(f"format {value['format']} is not {FORMAT}")
    build = Build(value["pipeline"], tuple(value["changes"]), value["trees"], value["ask"])
    return BuildPlan(
        build,
        value["item"],
        value["token"],
        _tips(value["commits"]),
        tuple(_job(job) for job in value["jobs"]),
        value["broken"],
        tuple(value["paths"]),
        _tips(value.get("before", ())),  # what a gate of before wrote has none
        value.get("site", ""),
    )


def _tips_json(tips: Tips) -> list[list[str]]:
    return [[*place, commit] for place, commit in sorted(tips.items())]


def _tips(value: Iterable[tuple[str, str, str]]) -> Tips:
    return {(project, branch): commit for project, branch, commit in value}


def _job_json(job: Job) -> dict[str, Any]:
    value = {
        "name": job.name,
        "run": list(job.run),
        "in": job.folder,
        "timeout": job.timeout,
        "memory": job.memory,
    }
    if job.pod is not None:
        pod = {"from": job.pod.source, "keep": job.pod.keep, "bare": job.pod.bare}
        return {**value, "pod": pod}
    return value


def _job(value: Mapping[str, Any]) -> Job:
    pod = None
    if "pod" in value:
        wish = value["pod"]
        pod = PodWish(wish["from"], wish["keep"], wish.get("bare", False))
    return Job(
        value["name"],
        tuple(value["run"]),
        frozenset(),
        (),
        value["in"],
        value["timeout"],
        value.get("memory", GIB),
        pod,
    )
