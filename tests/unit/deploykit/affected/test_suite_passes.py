"""The file of passes: half-written, foreign, two writers at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from deploykit.affected.passes import KEPT, Passes, Record

COMMITS = [letter * 40 for letter in "abcdef"]
WHEN = "2026-11-28T00:00:00+00:00"
WRITER = """
import sys
from pathlib import Path
from deploykit.affected.passes import Passes
for number in range(15):
    Passes(Path(sys.argv[1])).note(f"{sys.argv[2]}-{number}", "passed", "a" * 40, 1.0, "now")
"""


@pytest.fixture
def passes(tmp_path: Path) -> Passes:
    return Passes(tmp_path / "state" / "passes.json")


def test_no_file_means_that_nothing_passed(passes: Passes) -> None:
    assert passes.read() == {}


def test_last_passes_and_times_are_kept_the_newest_last(passes: Passes) -> None:
    for number, commit in enumerate(COMMITS):
        passes.note("x", "passed", commit, float(number), WHEN)
    found = passes.read()["x"]
    assert found.passed == tuple(COMMITS[-KEPT:])
    assert found.seconds == tuple(float(n) for n in range(len(COMMITS) - KEPT, len(COMMITS)))
    assert (found.result, found.tried) == ("passed", WHEN)
    passes.note("x", "passed", COMMITS[3], None, WHEN)
    assert passes.read()["x"].passed == (COMMITS[4], COMMITS[5], COMMITS[3])


def test_failure_and_a_run_of_no_commit_leave_the_passes_alone(passes: Passes) -> None:
    passes.note("x", "passed", COMMITS[0], 1.0, WHEN)
    passes.note("x", "failed", COMMITS[1], None, WHEN)
    passes.note("x", "passed", None, 2.0, WHEN)
    passes.note("x", "unfinished", COMMITS[2], 9.0, WHEN)
    found = passes.read()["x"]
    assert found.passed == (COMMITS[0],)
    assert found.result == "unfinished"
    assert found.seconds == (1.0, 2.0, 9.0)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": 2, "suites": {}}', '{"format": 1, "suites": {"x": {}}}',
     json.dumps({"format": 1, "suites": {"x": {"passed": ["--help"], "seconds": [], "tried": "",
                                               "result": ""}}}),
     json.dumps({"format": 1, "suites": {"x": {"passed": COMMITS[:1], "seconds": [], "tried": "",
                                               "result": ""}}})[:-9]],
)  # fmt: skip
def test_file_that_cannot_be_read_makes_all_due_and_is_put_aside(passes: Passes, text: str) -> None:
    passes.file.parent.mkdir()
    passes.file.write_text(text)
    assert passes.read() == {}
    passes.note("y", "passed", COMMITS[0], 1.0, WHEN)
    assert passes.read() == {"y": Record((COMMITS[0],), (1.0,), WHEN, "passed")}
    assert passes.file.with_suffix(".unreadable").read_text() == text


def test_writer_that_was_killed_before_the_rename_changes_nothing(passes: Passes) -> None:
    passes.note("x", "passed", COMMITS[0], 1.0, WHEN)
    passes.file.with_suffix(".new").write_text('{"format": 1, "sui')
    assert set(passes.read()) == {"x"}
    passes.note("y", "passed", COMMITS[0], 1.0, WHEN)
    assert set(passes.read()) == {"x", "y"}


def test_two_runs_at_once_lose_nothing(passes: Passes) -> None:
    words = [sys.executable, "-c", WRITER, str(passes.file)]
    writers = [subprocess.Popen([*words, name]) for name in ("one", "two")]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert len(passes.read()) == 30
