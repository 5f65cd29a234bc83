"""`python -m deploykit.gate.running BUILD JOB ATTEMPT`: one job of a build, from checkout to exit
status.

Started by an executor: in a folder of its own, in which the state is laid out first. It needs no
gate, and no secret of one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploykit.base import console
from deploykit.base.errors import DeployKitError
from deploykit.base.progress import Shown
from deploykit.gate.checkout import check_out
from deploykit.gate.job import Job
from deploykit.gate.work import BuildPlan, note_content, read_build, read_content, stores_of

ENDING = 5.0  # seconds for a command that is told to end
NOT_STARTED, STOPPED = 127, 130  # as a shell has them


def main(words: list[str]) -> int:
    from gitshelf import GitshelfError

    folder, name, attempt = Path(words[0]), words[1], int(words[2])
    place = folder / "work" / name
    try:
        plan = read_build(folder)
        job = next(job for job in plan.jobs if job.name == name)
        check_out(plan.commits, stores_of(folder).store, place)
        if job == plan.jobs[0]:
            _keep_content(plan, folder)
    except (DeployKitError, GitshelfError) as error:
        return _tell(f"the state cannot be laid out: {error}")
    where = place / job.folder if job.folder else place
    if job.pod is None:
        return become(job, where)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _in_pod(plan, job, folder, attempt)
    except (DeployKitError, GitshelfError) as error:
        return _tell(f"error: {error.message}\n{error.remedy}".rstrip())
    except KeyboardInterrupt:
        return _tell("stopped", STOPPED)


def _keep_content(plan: BuildPlan, folder: Path) -> None:
    """Have the build say what its kit brings, for the release that will bring the same."""
    from deploykit.gate.content import state_content
    from gitshelf import GitshelfError

    if read_content(folder):
        return
    try:
        note_content(folder, state_content(plan, folder))
    except (DeployKitError, GitshelfError) as error:
        _tell(f"the state gives no kit: {error.message}")


def become(job: Job, where: Path) -> int:
    """Have this process become the job's command; returns only if it cannot be started."""
    _show(job, where)
    os.chdir(where)
    try:
        os.execvp(job.run[0], job.run)  # noqa: S606
    except OSError as error:
        return _tell(f"cannot start {job.run[0]}: {error.strerror}", NOT_STARTED)


def _in_pod(plan: BuildPlan, job: Job, folder: Path, attempt: int) -> int:
    from deploykit.gate.podjob import PodJob, run_in_pod

    place = folder / "work" / job.name

    def command(env: Mapping[str, str]) -> int:
        return run_beside(job, place / job.folder, env)

    assert job.pod is not None
    pod_job = PodJob(plan, job, job.pod, folder, attempt)
    return run_in_pod(pod_job, command, Shown(console.stderr()))


def run_beside(job: Job, where: Path, env: Mapping[str, str]) -> int:
    """Run the job's command as a child, with `env` added; returns its exit status as a shell does.

    Raises KeyboardInterrupt if this process is told to end; the command has ended then.
    """
    _show(job, where)
    try:
        child = subprocess.Popen(job.run, cwd=where, env={**os.environ, **env})
    except OSError as error:
        return _tell(f"cannot start {job.run[0]}: {error.strerror}", NOT_STARTED)
    try:
        status = child.wait()
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.terminate()  # who told this process may have told it alone
            child.wait(ENDING)
        child.kill()
        child.wait()
    return status if status >= 0 else 128 - status


def _show(job: Job, where: Path) -> None:
    console.stdout().out(f"$ {' '.join(job.run)}   (in {where})", highlight=False)
    sys.stdout.flush()  # what the job says comes behind it


def _tell(text: str, status: int = 1) -> int:
    console.stderr().out(text, highlight=False)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
