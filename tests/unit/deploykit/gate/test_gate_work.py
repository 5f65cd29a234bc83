"""Builds on disk, with real jobs: those that hang, fork or find no room."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.gate.builds import Build, Status
from deploykit.gate.job import Job
from deploykit.gate.trees import Remote, Trees
from deploykit.gate.work import BuildPlan, Work
from deploykit.jobs.local import LocalExecutor
from smalldisk import small_disk

BUILD = Build("integrated/main", ("c1",), "t1", "m1")


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    origin = tmp_path / "remote/alpha"
    origin.mkdir(parents=True)
    who = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"]
    for words in (["init", "-q", "-b", "main", "."], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *who, *words], cwd=origin, check=True)
    return Trees(tmp_path / "stores", Remote(f"file://{tmp_path}/remote/{{project}}"))


def build_plan(trees: Trees, tmp_path: Path, *jobs: Job) -> BuildPlan:
    words = ["git", "-C", str(tmp_path / "remote/alpha"), "rev-parse", "HEAD"]
    commit = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    trees.bring("alpha", {commit: "refs/heads/main"})
    return BuildPlan(BUILD, "17", "token", {("alpha", "main"): commit}, jobs)


def job(script: str, timeout: int) -> Job:
    return Job("words", ("bash", "-c", script), frozenset({"alpha"}), timeout=timeout)


def test_job_that_hangs_and_forks_fails_its_build_and_leaves_nothing(
    trees: Trees, tmp_path: Path
) -> None:
    work = Work(tmp_path / "builds", LocalExecutor(tmp_path / "jobs"), trees)
    word = f"{tmp_path.name}-4711"
    script = f"(exec -a {word} sleep 900) & setsid bash -c 'exec -a {word} sleep 900' & sleep 900"
    work.start(build_plan(trees, tmp_path, job(script, 20)))
    end = time.monotonic() + 120
    while not work.statuses()[BUILD].over and time.monotonic() < end:
        time.sleep(0.2)
    assert work.statuses()[BUILD] is Status.FAILED
    assert [one.result for one in work.ran(BUILD)] == ["timed-out"]
    assert "words" in work.failed_logs(BUILD)
    running = subprocess.run(["pgrep", "-f", f"^{word}"], capture_output=True, text=True)
    assert not running.stdout


def test_full_disk_starts_no_jobs_and_says_what_to_do(trees: Trees, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        (disk / "filler").write_bytes(b"x" * 60_000)
        with pytest.raises(OSError):
            (disk / "more").write_bytes(b"x" * 60_000)
        executor = LocalExecutor(tmp_path / "jobs")
        work = Work(disk / "builds", executor, trees)
        with pytest.raises(DeployKitError, match="cannot write") as raised:
            work.start(build_plan(trees, tmp_path, job("true", 60)))
        assert "make room" in raised.value.remedy
        assert executor.jobs() == []
        assert work.statuses() == {}
