"""A job's folder on this machine: what was asked, what became of it, and its log.

JOBS/ID/spec.json    what was asked, without the values of secrets
JOBS/ID/state.json   what is known; written aside and renamed
JOBS/ID/log          what it printed, masked
JOBS/ID/lock         held (flock(2)) by its supervisor for as long as that lives
JOBS/ID/cancel       there, if somebody wants it ended
JOBS/ID/spare        room for the last words on a full disk
JOBS/live/N-ID       one empty file for each job that has not ended, in the order of their start
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploykit.base import files, times
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.processes import Process, parse_process
from deploykit.base.waiting import wait_until
from deploykit.jobs import JobSpec, JobState, Phase, Result

LIVE = "live"
SPARE = 64 * 1024  # bytes
MOMENTS = ("requested", "began", "ended")  # of a state: times, the last two maybe None


@dataclass(frozen=True, slots=True)
class JobEntry:
    """What state.json has beside the state: who supervises the job, and its cgroup ('': none)."""

    state: JobState
    supervisor: Process | None
    cgroup: str


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The folder of one job."""

    path: Path

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def spare(self) -> Path:
        return self.path / "spare"

    @property
    def cancel(self) -> Path:
        return self.path / "cancel"

    def spec(self) -> JobSpec:
        """What was asked; the values of secrets are not there. Raises OSError."""
        return parse_spec((self.path / "spec.json").read_text("utf-8"))[0]

    def read(self) -> JobEntry:
        """What is known. Raises DeployKitError if that cannot be read."""
        file = self.path / "state.json"
        try:
            return _parse(file.read_text("utf-8"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeployKitError(
                f"{file} cannot be read: {error}",
                f"look for processes of the job by hand, then remove {self.path}",
            ) from None

    def write(self, entry: JobEntry) -> None:
        """Keep `entry`; on a full disk the spare room is used. Raises OSError."""
        text = text_of(entry)
        target = self.path / "state.json"
        try:
            files.write(target, text, mode=0o600, sync=True)
        except OSError:
            self.spare.unlink()
            files.write(target, text, mode=0o600)
        if not entry.state.running:
            self.spare.unlink(missing_ok=True)
            for live_file in (self.path.parent / LIVE).glob(f"*-{entry.state.id}"):
                if live_file.name.partition("-")[2] == entry.state.id:
                    live_file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def supervised(self, seconds: float = 0.0) -> Iterator[bool]:
        """Hold the job's lock, if it is free or gets so within `seconds`; yields whether it was."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield wait_until(lambda: _locks(handle), seconds)
        finally:
            os.close(handle)


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def spec_text(spec: JobSpec) -> str:
    """`spec` as spec.json has it: of secrets only the names."""
    return json.dumps({**dataclasses.asdict(spec), "secrets": sorted(spec.secrets)}, indent=1)


def parse_spec(text: str) -> tuple[JobSpec, list[str]]:
    """What `spec_text` wrote: the spec, and the names of the secrets, whose values are not there.

    Raises ValueError, KeyError or TypeError for anything else, InputError as JobSpec does.
    """
    value = json.loads(text)
    secrets = list(value.pop("secrets"))
    for name in ("argv", "suites"):
        value[name] = tuple(value[name])
    return JobSpec(**value), secrets


def demand_same(spec: JobSpec, spec_file: Path) -> None:
    """Raise InputError if `spec_file` holds another spec than `spec`: an id is one run's."""
    if spec_file.read_text("utf-8") != spec_text(spec):
        raise InputError(
            f"job '{spec.id}' was started before, with another command",
            "an id is one run's: take another one",
        )


def state_json(state: JobState) -> dict[str, Any]:
    """A state for machines, its times as `times.iso` writes them."""
    value = dataclasses.asdict(state)
    for name in MOMENTS:
        value[name] = times.iso(value[name]) if value[name] else None
    return value


def parse_state(value: Mapping[str, Any]) -> JobState:
    """What `state_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    moments = {name: times.parse(value[name]) if value[name] else None for name in MOMENTS}
    result = Result(value["result"]) if value["result"] else None
    return JobState(**{**value, **moments, "phase": Phase(value["phase"]), "result": result})


def live(jobs: Path) -> list[str]:
    """The ids of the jobs that have not ended, in the order of their start."""
    names = sorted(entry.name for entry in os.scandir(jobs / LIVE))
    return [name.partition("-")[2] for name in names]


def text_of(entry: JobEntry) -> str:
    supervisor = entry.supervisor.as_json() if entry.supervisor else None
    return json.dumps(
        {**state_json(entry.state), "supervisor": supervisor, "cgroup": entry.cgroup}, indent=1
    )


def _parse(text: str) -> JobEntry:
    value: dict[str, Any] = json.loads(text)
    supervisor, cgroup = value.pop("supervisor"), value.pop("cgroup")
    return JobEntry(parse_state(value), parse_process(supervisor) if supervisor else None, cgroup)
