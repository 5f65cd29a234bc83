"""`python -m deploykit.gate.running BUILD JOB`: one job of a build, from checkout to exit status.

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
from deploykit.gate.trees import Remote, Trees
from deploykit.gate.work import Kept, read_build

ENDING = 5.0  # seconds for a command that is told to end
NOT_STARTED, STOPPED = 127, 130  # as a shell has them


def main(words: list[str]) -> int:
    from gitshelf import GitshelfError

    folder, name = Path(words[0]), words[1]
    trees = Trees(folder.parent.parent / "stores", Remote(""))
    place = folder / "work" / name
    try:
        kept = read_build(folder)
        job = next(one for one in kept.jobs if one.name == name)
        check_out(kept.commits, trees.store, place)
    except (DeployKitError, GitshelfError) as error:
        return _tell(f"the state cannot be laid out: {error}")
    where = place / job.folder if job.folder else place
    if job.pod is None:
        return become(job, where)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _in_pod(kept, job, folder, trees)
    except (DeployKitError, GitshelfError) as error:
        return _tell(f"error: {error.message}\n{error.remedy}".rstrip())
    except KeyboardInterrupt:
        return _tell("stopped", STOPPED)


def become(job: Job, where: Path) -> int:
    """Have this process become the job's command; returns only if it cannot be started."""
    _show(job, where)
    os.chdir(where)
    try:
        os.execvp(job.run[0], job.run)  # noqa: S606
    except OSError as error:
        return _tell(f"cannot start {job.run[0]}: {error.strerror}", NOT_STARTED)


def _in_pod(kept: Kept, job: Job, folder: Path, trees: Trees) -> int:
    from deploykit.gate.podjob import PodJob, run_in_pod

    assert job.pod is not None
    place = folder / "work" / job.name

    def command(env: Mapping[str, str]) -> int:
        return run_beside(job, place / job.folder, env)

    asked = PodJob(kept, job, job.pod, folder)
    return run_in_pod(asked, trees, command, Shown(console.stderr()))


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
