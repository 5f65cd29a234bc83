"""The process that runs one job: `python -m deploykit.jobs.supervisor FOLDER`.

It is started by `LocalExecutor.start` in a session of its own, so that it outlives whoever wants
the job. It gets the secrets on standard input, says `ready` once it holds the job's lock, waits for
room on the machine, runs the command, and leaves nothing of it when it ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from deploykit.base import times
from deploykit.base.errors import DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.processes import is_gone, this_process
from deploykit.jobs import JobSpec, Phase, Result, cage, capacity
from deploykit.jobs.folder import JobEntry, JobFolder, live
from deploykit.jobs.output import Output

TICK = 0.1  # seconds between two looks
ROOM_TICK = 0.2  # and while there is no room
HANDOVER = 5.0  # seconds for one who looked whether the job has a supervisor
ADMISSION = 60.0  # seconds to wait for others that look for room
CGROUPS = "DEPLOY_KIT_JOBS_CGROUPS"  # "no": the walk alone


class _Asked(Exception):
    """Somebody wants the job to end: the result, and why."""

    def __init__(self, result: Result, why: str) -> None:
        super().__init__(why)
        self.result, self.why = result, why


def main(path: Path) -> None:
    folder = JobFolder(path)
    secrets: dict[str, str] = json.load(sys.stdin)
    with folder.supervised(HANDOVER) as alone:
        if not alone or not _is_new(folder):
            return  # another one has it, or had it
        spec = folder.spec()
        entry = folder.read()
        group = (
            None
            if os.environ.get(CGROUPS) == "no"
            else cage.new_cgroup(f"job-{os.getpid()}-{spec.id}")
        )
        entry = dataclasses.replace(
            entry, supervisor=this_process(), cgroup=str(group) if group else ""
        )
        folder.write(entry)
        _say_ready()
        signal.signal(signal.SIGTERM, _on_sigterm)
        cage.become_subreaper()
        try:
            _supervise(folder, entry, spec, secrets, group)
        finally:
            cage.kill_all(group, os.getpid())
            cage.remove_cgroup(group)


def _is_new(folder: JobFolder) -> bool:
    entry = folder.read()
    return entry.supervisor is None and entry.state.running


def _say_ready() -> None:
    """Tell the one who started this, if they still live, and be done with them."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, b"ready\n")
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1):
        os.dup2(nothing, handle)
    os.close(nothing)


def _on_sigterm(number: int, frame: object) -> NoReturn:
    raise _Asked(Result.LOST, "its supervisor was told to end")


def _supervise(
    folder: JobFolder,
    entry: JobEntry,
    spec: JobSpec,
    secrets: Mapping[str, str],
    group: Path | None,
) -> None:
    """Run the job to its end, which is then in its state."""
    result, why = Result.BROKEN, "it was not run"
    try:
        with Output(folder.log, secrets.values()) as output:
            try:
                entry = _wait_for_room(folder, entry, spec)
                result, why = _run(folder, spec, secrets, group, output)
            except _Asked as asked:
                result, why = asked.result, asked.why
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            cage.kill_all(group, os.getpid())  # or the pipe never ends
            output.end(f"{result}: {why}")
    except OSError as error:
        result = Result.BROKEN
        why = f"{error.filename or folder.path}: {error.strerror}: free some space or mend it"
    if not cage.kill_all(group, os.getpid()):
        why += "; some of its processes cannot be killed"
    state = entry.state.over(result, why, times.utc_now())
    folder.write(dataclasses.replace(entry, state=state))


def _wait_for_room(folder: JobFolder, entry: JobEntry, spec: JobSpec) -> JobEntry:
    """Return when it is this job's turn and the machine has room; the state then says RUNNING."""
    while True:
        _look_for_cancel(folder)
        with locked(folder.path.parent / "admission.lock", ADMISSION):
            ids = live(folder.path.parent)
            first, running = _queue(folder.path.parent, ids)
            room = capacity.this_machine()
            if first == spec.id and capacity.may_begin(spec.memory, running, room):
                state = dataclasses.replace(entry.state, phase=Phase.RUNNING, began=times.utc_now())
                entry = dataclasses.replace(entry, state=state)
                folder.write(entry)
                return entry
        time.sleep(ROOM_TICK)


def _queue(jobs: Path, ids: list[str]) -> tuple[str, list[int]]:
    """The first job that waits, and the memory of each that runs.

    One whose supervisor is gone neither waits nor runs: whoever polls it will say so.
    """
    first, running = "", []
    for id in ids:
        other = JobFolder(jobs / id)
        with contextlib.suppress(OSError, DeployKitError):  # it has just been removed
            state, supervisor = (entry := other.read()).state, entry.supervisor
            if supervisor is None or is_gone(supervisor.pid, supervisor.started):
                continue
            if state.phase is Phase.RUNNING:
                running.append(other.spec().memory)
            elif state.running:
                first = first or id
    return first, running


def _run(
    folder: JobFolder,
    spec: JobSpec,
    secrets: Mapping[str, str],
    group: Path | None,
    output: Output,
) -> tuple[Result, str]:
    """Start the command and wait for its end; returns how that was."""
    until = time.monotonic() + spec.timeout
    try:
        leader = _start(folder, spec, secrets, group, output)
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Result.BROKEN, f"cannot start {spec.argv[0]} in {spec.cwd}: {reason}"
    try:
        for ended in _looks(output):
            if leader in ended:
                return _verdict(os.waitstatus_to_exitcode(ended[leader]))
            _look_for_cancel(folder)
            if time.monotonic() > until:
                raise _Asked(Result.TIMED_OUT, f"it took longer than {spec.timeout:.0f} s")
        raise AssertionError("looks without end")
    except _Asked:
        _ask_to_end(leader, spec.grace, output)
        raise


def _looks(output: Output) -> Iterator[dict[int, int]]:
    """Take output as it comes; every TICK the children that ended, with their wait status."""
    while True:
        until = time.monotonic() + TICK
        while (left := until - time.monotonic()) > 0:
            if not output.open:
                time.sleep(left)
            elif not output.pump(left):
                break
        yield cage.bury()


def _start(
    folder: JobFolder,
    spec: JobSpec,
    secrets: Mapping[str, str],
    group: Path | None,
    output: Output,
) -> int:
    """The number of the process that the command became; it leads a session of its own."""

    def before_it_is_another_program() -> None:
        cage.die_with_parent()
        if group is not None:
            with contextlib.suppress(OSError):  # then the walk alone finds the job
                cage.enter(group)

    own = {**os.environ, **spec.env, **secrets, cage.MARK: str(folder.path)}
    child = subprocess.Popen(
        spec.argv,
        cwd=spec.cwd,
        env=own,
        stdin=subprocess.DEVNULL,
        stdout=output.write_end,
        stderr=output.write_end,
        start_new_session=True,
        preexec_fn=before_it_is_another_program,
    )
    os.close(output.write_end)
    child.returncode = 0  # `cage.bury` collects it
    return child.pid


def _verdict(status: int) -> tuple[Result, str]:
    if status == 0:
        return Result.PASSED, "exit status 0"
    if status > 0:
        return Result.FAILED, f"exit status {status}"
    return Result.FAILED, f"ended by {signal.Signals(-status).name}"


def _look_for_cancel(folder: JobFolder) -> None:
    if folder.cancel.exists():
        raise _Asked(Result.CANCELLED, "somebody cancelled it")


def _ask_to_end(leader: int, grace: float, output: Output) -> None:
    """SIGTERM for the command's process group; returns when it is over, at most `grace` later."""
    until = time.monotonic() + grace
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGTERM)
    for ended in _looks(output):
        if leader in ended or time.monotonic() > until:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
