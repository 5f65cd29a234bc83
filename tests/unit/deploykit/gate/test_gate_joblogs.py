"""What jobs printed, from a job that really ran to the comment and the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.gate.builds import Build, Status
from deploykit.gate.changes import Change
from deploykit.gate.job import Job
from deploykit.gate.joblogs import JobLogs
from deploykit.gate.trees import Remote, Trees
from deploykit.gate.work import BuildPlan, Work, new_token
from deploykit.logs.rechecks import Rechecks
from deploykit.logs.runs import Ending
from deploykit.logs.signatures import Signature
from deploykit.logs.store import Store
from jobprocesses import JobProcesses

DISK = Signature(
    "disk-full", pattern="No space left", message="the disk is full", bug="https://b.example.org/17"
)
TOKEN = "ghp_" + "a1B2" * 9
FAILS = f"echo 'a.py:3: password=hunter2'; echo {TOKEN}; echo 'write: No space left'; exit 1"


@pytest.fixture
def logs(tmp_path: Path) -> JobLogs:
    return JobLogs(Store(tmp_path / "runs"), Rechecks(tmp_path / "runs"), lambda: [DISK])


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., tuple[Work, Build]]:
    """Runs jobs, by name and command, as one build; returns it once it is over."""

    def ran(broken: str = "", **commands: str) -> tuple[Work, Build]:
        trees = Trees(tmp_path / "stores", Remote(""))
        work = Work(tmp_path / "builds", JobProcesses(tmp_path / "jobs"), trees)
        jobs = tuple(
            Job(name, ("sh", "-c", command), frozenset()) for name, command in commands.items()
        )
        build = Build("check", ("c" * 40,), "t" * 40, "")
        work.start(BuildPlan(build, "17+18", new_token(), {}, jobs, broken))
        end = time.monotonic() + 60
        while not work.statuses()[build].over:
            assert time.monotonic() < end
            time.sleep(0.1)
        return work, build

    return ran


def test_failed_job_is_told_with_the_fault_that_is_known_and_where_its_logs_are(
    logs: JobLogs, build: Callable[..., tuple[Work, Build]]
) -> None:
    work, failed = build(unit=FAILS, lint="exit 1", docs="true")
    assert work.statuses()[failed] is Status.FAILED
    lines = logs.text(work, failed).splitlines()
    (run,) = logs.store.runs()
    assert [line.split(" (")[0] for line in lines] == [
        "- unit: failed",
        "  a known fault: the disk is full: https://b.example.org/17",
        "- lint: failed",
        "  new: no signature explains it",
        "- docs: passed",
        f"Logs: deploy-kit logs show {run.run.id}",
    ]
    assert (run.run.ending, run.run.error) == (Ending.FAILED, "check: unit, lint failed")


def test_secrets_of_a_log_are_kept_and_told_masked(
    logs: JobLogs, build: Callable[..., tuple[Work, Build]]
) -> None:
    work, failed = build(unit=FAILS)
    said = logs.text(work, failed)
    (kept,) = logs.store.runs()
    _, (log,) = logs.store.read(kept.run.id)
    assert "password=***" in log.text
    for secret in ("hunter2", TOKEN):
        assert secret in work.log_texts(failed)["unit"], "the executor was told of none"
        assert secret not in log.text + said


def test_build_that_is_told_twice_is_kept_once_and_can_be_searched(
    logs: JobLogs, build: Callable[..., tuple[Work, Build]]
) -> None:
    work, passed = build(unit="echo sesame")
    assert logs.text(work, passed) == logs.text(work, passed)
    (kept,) = logs.store.runs()
    assert kept.run.ending is Ending.PASSED
    assert logs.store.find("sesame", 5) == [(kept.run.id, 0)]


def test_comment_is_made_where_neither_store_nor_signatures_can_be_had(
    tmp_path: Path, build: Callable[..., tuple[Work, Build]]
) -> None:
    def broken() -> list[Signature]:
        raise InputError("own.yml:3: the key 'pattern' is missing")

    (tmp_path / "runs").write_text("no folder")
    logs = JobLogs(Store(tmp_path / "runs"), Rechecks(tmp_path / "runs"), broken)
    work, failed = build(unit=FAILS)
    lines = logs.text(work, failed).splitlines()
    assert lines[1:] == ["  known faults cannot be told: own.yml:3: the key 'pattern' is missing"]
    logs.note_rechecks([change(("m1", "7"))])


def test_configuration_that_cannot_be_used_is_told_without_its_secrets(
    logs: JobLogs, build: Callable[..., tuple[Work, Build]]
) -> None:
    work, failed = build(broken="the gate.yml that is proposed cannot be used: password: hunter2")
    assert logs.text(work, failed).endswith("cannot be used: password: ***")


def change(*reasons: tuple[str, str]) -> Change:
    return Change("17", "alpha", "main", "c" * 40, reasons=reasons)


def test_bugs_that_rechecks_name_are_counted_once_for_each_comment(logs: JobLogs) -> None:
    logs.note_rechecks([change(("m1", "7"), ("m2", "9"))])
    logs.note_rechecks([change(("m1", "7"), ("m2", "9"), ("m3", "7")), change()])
    assert logs.rechecks.counts() == {"7": 2, "9": 1}


def test_file_of_rechecks_that_is_damaged_is_named(logs: JobLogs, tmp_path: Path) -> None:
    logs.note_rechecks([change(("m1", "7"))])
    (tmp_path / "runs" / "rechecks.json").write_text("{")
    with pytest.raises(InputError, match=r"rechecks\.json: damaged"):
        logs.rechecks.counts()
