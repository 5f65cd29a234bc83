"""What attempts at a job tell of a change: pure, and with real jobs that get no pod."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deploykit.base import times
from deploykit.base.waiting import wait_until
from deploykit.gate.attempts import PAUSES, TRIES, Attempt, combined
from deploykit.gate.builds import Build, Status
from deploykit.gate.job import Job, PodWish
from deploykit.gate.joblogs import UNKNOWN
from deploykit.gate.trees import Remote, Trees
from deploykit.gate.work import BuildPlan, Work
from deploykit.jobs import JobSpec, JobState, Phase, Result
from gatesite import joblogs_in
from jobprocesses import JobProcesses

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
BUILD = Build("integrated/main", ("c1",), "t1", "m1")
# What a job does that gets no pod: it says so beside the build, as gate.podjob does.
PODLESS = """import sys
from pathlib import Path
from deploykit.gate.work import note_no_pod
note_no_pod(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), "LXD is full, password=hunter2")
sys.exit(1)
"""


def attempt(number: int, result: Result | None, no_pod: str = "") -> Attempt:
    phase = Phase.RUNNING if result is None else Phase.ENDED
    ended = None if result is None else NOW
    return Attempt(number, JobState("j", "17", phase, NOW, "", result, "", NOW, ended), no_pod)


@pytest.mark.parametrize(
    ("one", "status", "seconds"),
    [
        (attempt(1, None), Status.RUNNING, None),
        (attempt(1, Result.PASSED), Status.PASSED, None),
        (attempt(1, Result.FAILED), Status.FAILED, None),
        (attempt(1, Result.TIMED_OUT), Status.FAILED, None),
        (attempt(1, Result.LOST), Status.RUNNING, 0),
        (attempt(1, Result.FAILED, "LXD is full"), Status.RUNNING, PAUSES[0]),
        (attempt(2, Result.FAILED, "LXD is full"), Status.RUNNING, PAUSES[1]),
        (attempt(TRIES, Result.FAILED, "LXD is full"), Status.NO_VERDICT, None),
        (attempt(TRIES, Result.TIMED_OUT, "it took too long"), Status.NO_VERDICT, None),
        (attempt(TRIES, Result.LOST), Status.NO_VERDICT, None),
        (attempt(TRIES, Result.FAILED), Status.FAILED, None),
    ],
)
def test_attempt_that_could_not_be_run_tells_nothing_and_is_made_again_a_few_times(
    one: Attempt, status: Status, seconds: float | None
) -> None:
    assert one.status is status
    due = one.next_at()
    assert due == (None if seconds is None else NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("jobs", "build"),
    [
        ([], Status.PASSED),
        ([Status.PASSED, Status.NO_VERDICT], Status.NO_VERDICT),
        ([Status.FAILED, Status.NO_VERDICT], Status.FAILED),
        ([Status.RUNNING, Status.NO_VERDICT], Status.RUNNING),
        ([Status.RUNNING, Status.FAILED], Status.FAILING),
        ([Status.PASSED, Status.PASSED], Status.PASSED),
    ],
)
def test_job_that_failed_counts_more_than_one_that_could_not_be_run(
    jobs: list[Status], build: Status
) -> None:
    assert combined(jobs) is build


class Podless(JobProcesses):
    """Runs, in the place of each job, one that gets no pod."""

    def start(self, spec: JobSpec) -> str:
        import dataclasses
        import sys

        said = (sys.executable, "-c", PODLESS, *spec.argv[-3:])
        return super().start(dataclasses.replace(spec, argv=said))


def test_job_without_a_pod_is_tried_again_later_and_then_told_without_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = Podless(tmp_path / "jobs")

    def work() -> Work:
        """That of a gate that is started now."""
        trees = Trees(tmp_path / "stores", Remote(""))
        return Work(tmp_path / "builds", executor, trees)

    job = Job("region", ("true",), frozenset(), pod=PodWish("test"))
    work().start(BuildPlan(BUILD, "17", "token", {}, (job,)))
    said: list[str] = []
    for number in range(1, TRIES):
        assert wait_until(lambda: not executor.running(), 60)
        assert work().resume() == [], "it is tried again at once"
        assert work().statuses()[BUILD] is Status.RUNNING
        later = times.utc_now() + timedelta(seconds=PAUSES[number - 1] + 1)
        with monkeypatch.context() as patch:
            patch.setattr(times, "utc_now", lambda later=later: later)
            said += work().resume()
        assert len(list((tmp_path / "jobs").glob("*-region-*"))) == number + 1
    assert wait_until(lambda: not executor.running(), 60)
    assert said[-1] == ("again: region of 17, attempt 3 of 3: no pod: LXD is full, password=***")
    assert work().statuses()[BUILD] is Status.NO_VERDICT
    assert work().resume() == []
    lines = joblogs_in(tmp_path).text(work(), BUILD).splitlines()
    assert lines[0].startswith("- region: no pod: LXD is full, password=***")
    assert lines[1].strip() == UNKNOWN[0]


def test_build_of_a_gate_of_before_is_read(tmp_path: Path) -> None:
    """What is there when a newer gate starts goes on."""
    work = Work(tmp_path / "builds", JobProcesses(tmp_path / "jobs"), Trees(tmp_path, Remote("")))
    job = Job("region", ("true",), frozenset(), pod=PodWish("test"))
    work.start(BuildPlan(BUILD, "17", "token", {}, (job,)))
    file = tmp_path / "builds" / BUILD.id / "build.json"
    written = json.loads(file.read_text())
    del written["jobs"][0]["pod"]["bare"]
    file.write_text(json.dumps(written))
    plan = work.plan(BUILD)
    assert plan is not None and plan.jobs == (job,)
