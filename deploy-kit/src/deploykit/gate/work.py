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

from deploykit.base import files
from deploykit.base.errors import DeployKitError, InputError
from deploykit.gate.builds import CHECK, Build, Status
from deploykit.gate.job import Job, PodWish
from deploykit.gate.trees import Tips, Trees
from deploykit.jobs import GIB, VERDICTS, Executor, JobSpec, JobState, Result

FILE = "build.json"
FORMAT = 1
TRIES = 3  # of a job that was lost, not of one that failed
GRACE, POD_GRACE = 10.0, 60.0  # seconds to end in; a pod takes some to go


@dataclass(frozen=True, slots=True)
class Kept:
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
        return next((one for (name, _), one in self.before.items() if name == project), "")


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
        found: dict[Build, Status] = {}
        for kept in self._all():
            if kept.build not in self._over:
                status = self._status(kept)
                if status.over:
                    self._over[kept.build] = status
                    self._trees.release(kept.build.id, {place[0] for place in kept.commits})
                else:
                    found[kept.build] = status
            if kept.build in self._over:
                found[kept.build] = self._over[kept.build]
        return found

    def start(self, kept: Kept) -> None:
        """Write a build down and start its jobs. Raises DeployKitError for a full disk."""
        self._trees.hold(kept.build.id, kept.commits)
        folder = self._folder / kept.build.id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files.write(folder / FILE, _written(kept), sync=True)
        except OSError as error:
            raise DeployKitError(
                f"cannot write {folder}: {error.strerror}", "make room on that disk"
            ) from None
        self._run(kept)

    def resume(self) -> None:
        """Start what should run and does not: jobs that were never started, or were lost."""
        for kept in self._all():
            if kept.build not in self._over:
                self._run(kept)

    def cancel(self, build: Build) -> None:
        """End the jobs of a build, and forget it."""
        kept = self.kept(build)
        if kept is not None:
            for job in kept.jobs:
                for attempt in range(1, TRIES + 1):
                    id = _job_id(kept, job, attempt)
                    if (state := _poll(self._executor, id)) is not None and state.running:
                        self._executor.cancel(id)
            self._trees.release(build.id, {place[0] for place in kept.commits})
        files.remove_tree(self._folder / build.id)

    def ran(self, build: Build) -> list[Ran]:
        """The jobs of a build as far as they are over."""
        kept = self.kept(build)
        if kept is None:
            return []
        found = []
        for job in kept.jobs:
            _, state = self._last(kept, job)
            if state is not None and not state.running:
                taken = state.ended - state.began if state.ended and state.began else timedelta()
                result = str(state.result or "")
                seconds = taken.total_seconds()
                found.append(Ran(job.name, result, seconds, state.log, state.ended))
        return found

    def failed_logs(self, build: Build) -> dict[str, str]:
        """Where the logs are of the jobs that ended without passing, by their names."""
        return {one.name: one.log for one in self.ran(build) if one.result != Result.PASSED}

    def log_texts(self, build: Build) -> dict[str, str]:
        """What the jobs of a build printed, by their names."""
        kept = self.kept(build)
        if kept is None:
            return {}
        found = {}
        for job in kept.jobs:
            attempt, state = self._last(kept, job)
            if state is not None:
                found[job.name] = self._executor.log_text(_job_id(kept, job, attempt))
        return found

    def latest(self, item: str) -> Kept | None:
        """The newest build of an item; of an item in a queue rather than of a check."""
        found = [kept for kept in self._all() if kept.item == item]

        def when(kept: Kept) -> tuple[bool, float]:
            return kept.build.pipeline != CHECK, self.written(kept.build)

        return max(found, key=when, default=None)

    def written(self, build: Build) -> float:
        """When a build was begun, in seconds; 0 for one that is not there."""
        file = self._folder / build.id / FILE
        return file.stat().st_mtime if file.is_file() else 0.0

    def kept(self, build: Build) -> Kept | None:
        return self._read(self._folder / build.id)

    def _all(self) -> list[Kept]:
        if not self._folder.is_dir():
            return []
        found = (self._read(folder) for folder in sorted(self._folder.iterdir()))
        return [kept for kept in found if kept is not None]

    def _read(self, folder: Path) -> Kept | None:
        try:
            return read_build(folder)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _status(self, kept: Kept) -> Status:
        if kept.broken:
            return Status.FAILED
        states = [self._last(kept, job) for job in kept.jobs]
        failed = any(_counts(attempt, state) == Result.FAILED for attempt, state in states)
        if all(_counts(attempt, state) for attempt, state in states):
            return Status.FAILED if failed else Status.PASSED
        return Status.FAILING if failed else Status.RUNNING

    def _last(self, kept: Kept, job: Job) -> tuple[int, JobState | None]:
        """The last attempt of a job, and how it is; attempt 1 and None if there was none."""
        found: tuple[int, JobState | None] = (1, None)
        for attempt in range(1, TRIES + 1):
            state = _poll(self._executor, _job_id(kept, job, attempt))
            if state is None:
                break
            found = (attempt, state)
        return found

    def _run(self, kept: Kept) -> None:
        for job in kept.jobs:
            attempt, state = self._last(kept, job)
            if state is None:
                self._executor.start(self._spec(kept, job, 1))
            elif not state.running and not _counts(attempt, state):
                self._executor.start(self._spec(kept, job, attempt + 1))

    def _spec(self, kept: Kept, job: Job, attempt: int) -> JobSpec:
        folder = self._folder / kept.build.id
        return JobSpec(
            id=_job_id(kept, job, attempt),
            item=kept.item,
            digest=kept.build.trees,
            suites=(job.name,),
            argv=(sys.executable, "-m", "deploykit.gate.running", str(folder), job.name),
            cwd=str(folder),
            env={
                "GATE_ITEM": kept.item,
                "GATE_PIPELINE": kept.build.pipeline,
                "GATE_BASE": kept.base(job.folder),
            },
            timeout=float(job.timeout),
            grace=POD_GRACE if job.pod else GRACE,
            memory=job.memory,
        )


def new_token() -> str:
    """What tells the jobs of a build from those of one of the same id that was cancelled."""
    return secrets.token_hex(4)


def read_build(folder: Path) -> Kept:
    """The build in `folder`. Raises OSError, ValueError, KeyError or TypeError if there is none."""
    return _parsed(json.loads((folder / FILE).read_text(encoding="utf-8")))


def _poll(executor: Executor, id: str) -> JobState | None:
    """How a job is; None for one that was never started."""
    try:
        return executor.poll(id)
    except InputError:
        return None


def _counts(attempt: int, state: JobState | None) -> Result | None:
    """What a job's end tells: PASSED or FAILED; None if it has not ended, or told nothing yet."""
    if state is None or state.running:
        return None
    if state.result in VERDICTS:
        return Result.PASSED if state.result == Result.PASSED else Result.FAILED
    return Result.FAILED if attempt >= TRIES else None


def _job_id(kept: Kept, job: Job, attempt: int) -> str:
    return f"{kept.build.id[:12]}-{kept.token}-{job.name}-{attempt}"


def _written(kept: Kept) -> str:
    value = {
        "format": FORMAT,
        "pipeline": kept.build.pipeline,
        "changes": list(kept.build.commits),
        "trees": kept.build.trees,
        "ask": kept.build.ask,
        "item": kept.item,
        "token": kept.token,
        "commits": _tips_json(kept.commits),
        "before": _tips_json(kept.before),
        "site": kept.site,
        "jobs": [_job_json(job) for job in kept.jobs],
        "broken": kept.broken,
        "paths": list(kept.paths),
    }
    return json.dumps(value, indent=1)


def _parsed(value: Mapping[str, Any]) -> Kept:
    if value["format"] != FORMAT:
        raise ValueError(f"format {value['format']} is not {FORMAT}")
    build = Build(value["pipeline"], tuple(value["changes"]), value["trees"], value["ask"])
    return Kept(
        build,
        value["item"],
        value["token"],
        _tips(value["commits"]),
        tuple(_job(one) for one in value["jobs"]),
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
    pod = {"pod": {"from": job.pod.source, "keep": job.pod.keep}} if job.pod else {}
    return {**value, **pod}


def _job(value: Mapping[str, Any]) -> Job:
    pod = PodWish(value["pod"]["from"], value["pod"]["keep"]) if "pod" in value else None
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
