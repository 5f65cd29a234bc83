"""The executor that needs nothing: jobs are processes of this machine."""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import json
import os
import select
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from deploykit.base import files, times
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.filelock import locked
from deploykit.base.process import last_line
from deploykit.base.waiting import wait_until
from deploykit.jobs import GIB, ID, JobSpec, JobState, Phase, Result, cage
from deploykit.jobs.folder import (
    LIVE,
    SPARE,
    JobEntry,
    JobFolder,
    demand_same,
    live,
    spec_text,
    text_of,
)
from deploykit.site import Site

LEAST_FREE = GIB // 2  # bytes on the disk of the jobs, for their logs
STARTING = 30.0  # seconds for a supervisor to be there
ENDING = cage.PATIENCE + 10.0  # seconds beyond a job's grace


def for_site(site: Site) -> LocalExecutor:
    """The executor of a site: its jobs are in the site's state."""
    return LocalExecutor(site.state / "jobs")


class LocalExecutor:
    """Runs jobs below `folder`, each under a supervisor of its own; see jobs.supervisor."""

    def __init__(self, folder: Path, least_free: int = LEAST_FREE) -> None:
        """`least_free`: bytes that must be free there before a job begins."""
        self._folder = folder
        self._least_free = least_free
        self._started: list[subprocess.Popen[bytes]] = []  # to be buried when they end
        (folder / LIVE).mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self, spec: JobSpec) -> str:
        """Raises InputError if the id is that of another job, DeployKitError if nothing can start.

        A call that was killed half way is made good by the same call.
        """
        self._demand_room()
        with locked(self._folder / "start.lock", STARTING):
            job = JobFolder(self._folder / spec.id)
            if not job.path.exists():
                self._make(job, spec)
            else:
                demand_same(spec, job.path / "spec.json")
            entry = job.read()
            if entry.supervisor is None and entry.state.running:
                self._supervise(job, spec)
        return spec.id

    def poll(self, id: str) -> JobState:
        job = self._job(id)
        entry = job.read()
        if not entry.state.running or entry.supervisor is None:
            return entry.state
        with job.supervised() as free:
            entry = job.read()
            if not free or not entry.state.running:
                return entry.state
            return _bury_lost(job, entry)

    def cancel(self, id: str) -> None:
        """Raises DeployKitError if some process of the job cannot be ended."""
        job = self._job(id)
        if not job.read().state.running:
            return
        job.cancel.touch()
        seconds = job.spec().grace + ENDING
        if not wait_until(lambda: self._is_over(job, id), seconds):
            raise DeployKitError(
                f"job '{id}' did not end within {seconds:.0f} s of being cancelled",
                f"look at its processes and its log: {job.log}",
            )

    def jobs(self) -> list[JobState]:
        ids = [entry.parent.name for entry in self._folder.glob("*/state.json")]
        states = [self.poll(id) for id in ids if ID.fullmatch(id)]
        return sorted(states, key=lambda state: (state.requested, state.id))

    def log_text(self, id: str, start: int = 0) -> str:
        log = self._job(id).log
        if not log.is_file():
            return ""
        with log.open("rb") as file:
            file.seek(start)
            # Without a character of which only the first bytes are there.
            return codecs.getincrementaldecoder("utf-8")("replace").decode(file.read())

    def forget(self, before: datetime) -> int:
        old = [state for state in self.jobs() if state.ended is not None and state.ended < before]
        for state in old:
            files.remove_tree(self._folder / state.id)
        return len(old)

    def _job(self, id: str) -> JobFolder:
        job = JobFolder(self._folder / id)
        if not ID.fullmatch(id) or not (job.path / "state.json").is_file():
            raise InputError(f"there is no job '{id}'", "deploy-kit job list")
        return job

    def _is_over(self, job: JobFolder, id: str) -> bool:
        if job.read().supervisor is None:  # it was never begun
            with job.supervised() as free:
                if free and (entry := job.read()).supervisor is None:
                    _settle(job, entry, Result.CANCELLED, "cancelled before it began")
        return not self.poll(id).running

    def _demand_room(self) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < self._least_free:
            raise DeployKitError(
                f"only {free / 2**20:.0f} MiB are free at {self._folder}: no job begins there",
                f"free some space: {self._least_free / 2**20:.0f} MiB is the least; "
                "'deploy-kit job forget' removes old ones",
            )

    def _make(self, job: JobFolder, spec: JobSpec) -> None:
        """The job's folder, whole or not at all, and its place among those that have not ended."""
        aside = self._folder / f".{spec.id}.new"
        files.remove_tree(aside)
        aside.mkdir(mode=0o700)
        made = JobFolder(aside)
        try:
            with made.spare.open("wb") as spare:
                os.posix_fallocate(spare.fileno(), 0, SPARE)
            files.write(aside / "spec.json", spec_text(spec), mode=0o600)
            state = JobState(spec.id, spec.item, Phase.WAITING, times.utc_now(), str(job.log))
            files.write(aside / "state.json", text_of(JobEntry(state, None, "")), mode=0o600)
            if spec.id not in live(self._folder):
                (self._folder / LIVE / f"{time.time_ns():020d}-{spec.id}").touch()
            aside.rename(job.path)
        except OSError as error:
            files.remove_tree(aside)
            raise DeployKitError(
                f"job '{spec.id}' cannot be started: {error.filename or aside}: {error.strerror}",
                "free some space, or mend the folder's rights",
            ) from None

    def _supervise(self, job: JobFolder, spec: JobSpec) -> None:
        """Start the job's supervisor; returns once it has the job."""
        error_log = job.path / "supervisor.log"
        with error_log.open("ab") as errors:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "deploykit.jobs.supervisor", str(job.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd="/",
                start_new_session=True,
            )
        assert child.stdin is not None and child.stdout is not None
        with child.stdin, child.stdout, contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(dict(spec.secrets)).encode())
            child.stdin.close()
            # Its end, too, says that nothing more is to be waited for.
            select.select([child.stdout], [], [], STARTING)
        self._started = [
            supervisor for supervisor in (*self._started, child) if supervisor.poll() is None
        ]
        if job.read().supervisor is None:
            text = error_log.read_text("utf-8", "replace")
            raise DeployKitError(
                f"job '{spec.id}' cannot be started: {last_line(text) or 'its supervisor ended'}",
                f"what it said: {error_log}",
            )


def _bury_lost(job: JobFolder, entry: JobEntry) -> JobState:
    """The supervisor is gone without a word: end what it left, and say so."""
    group = Path(entry.cgroup) if entry.cgroup else None
    cage.kill_all(group if group and group.is_dir() else None, None, str(job.path))
    cage.remove_cgroup(group)
    result, why = Result.LOST, "its supervisor went away: killed, or the machine was booted"
    if job.cancel.exists():
        result, why = Result.CANCELLED, "somebody cancelled it"
    return _settle(job, entry, result, why)


def _settle(job: JobFolder, entry: JobEntry, result: Result, why: str) -> JobState:
    state = entry.state.over(result, why, times.utc_now())
    job.write(dataclasses.replace(entry, state=state))
    return state
