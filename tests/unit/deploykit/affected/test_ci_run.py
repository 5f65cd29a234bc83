"""CI over a checkout in git, with suites that only say what they would come to."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from deploykit.affected import calls
from deploykit.affected.calls import Outcome
from deploykit.affected.checkout import Checkout
from deploykit.affected.ci import Ci
from deploykit.affected.declared import Content
from deploykit.affected.imports import Packages
from deploykit.affected.passes import Passes
from deploykit.affected.suites import Suite, Table
from deploykit.base.errors import InputError

TABLE = Table(
    (
        Suite("kitchen/a", "kitchen", 3, own=("kitchen/a/",), covers=frozenset({"a"})),
        Suite("kitchen/b", "kitchen", 3, own=("kitchen/b/",), covers=frozenset({"b"})),
        Suite("region", "test-region", 14, stands_on=frozenset({"a"}), paths=("region/",)),
        Suite("ha", "test-ha", 23, paths=("ha/",)),
        Suite("core", "test-core", 5, core=True),
    ),
    ("docs/*",),
)
TEST = 18 * 60.0


@dataclass
class Line:
    """A checkout, a clock, and what each suite comes to ('passed' if nothing else is said)."""

    folder: Path
    results: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    now: float = 0.0
    ran: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    allowed: list[float] = field(default_factory=list)

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        argv = ["git", "-C", str(self.folder), *who, *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout.strip()

    def change(self, path: str, text: str) -> str:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", path)
        return self.git("rev-parse", "HEAD")

    def make(self, words: Sequence[str], timeout: float) -> str:
        self.now += self.seconds.get("test", TEST)
        return self.results.get("test", "passed")

    def run(self, suites: Sequence[Suite], timeout: float) -> list[Outcome]:
        self.allowed.append(timeout)
        found = []
        for one in suites:
            self.ran.append(one.name)
            seconds = self.seconds.get(one.name, one.minutes * 60)
            self.now += seconds
            found.append(Outcome(one.name, self.results.get(one.name, "passed"), seconds))
        return found

    def ci(self) -> Ci:
        content = Content(frozenset({"a", "b"}))
        checkout = Checkout(self.folder, Path("python"), content, Packages({}), TABLE)
        passes = Passes(self.folder.parent / "state" / "passes.json")
        self.ran, self.told, self.now = [], [], 0.0
        return Ci(checkout, passes, 3600, 5400, 0.0, self.told.append, lambda: self.now,
                  self.make, self.run)  # fmt: skip

    def last(self, word: str) -> str:
        return next(line for line in reversed(self.told) if line.startswith(word))


@pytest.fixture
def line(tmp_path: Path) -> Line:
    (tmp_path / "checkout").mkdir()
    made = Line(tmp_path / "checkout")
    made.git("init", "-q", "-b", "main")
    made.change("salt/states/a/init.sls", "one")
    return made


def test_first_run_does_what_fits_and_names_the_rest(line: Line) -> None:
    assert line.ci().whole() == 0
    assert line.ran == ["kitchen/a", "kitchen/b", "region"]
    assert line.last("passed: ") == "passed: test, kitchen/a, kitchen/b, region"
    assert line.last("not run: ") == "not run: ha (23 min 0 s)"


def test_nothing_is_rendered_if_no_suite_could_run_any_more(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.ci().whole()
    line.change("salt/states/lib/shared.jinja", "two")
    monkeypatch.setattr(Checkout, "rendered_since", lambda *_: pytest.fail("rendered"))
    line.seconds["test"] = 3600
    assert line.ci().whole() == 0
    assert line.ran == []
    assert "kitchen/a (3 min 0 s), kitchen/b (3 min 0 s)" in line.last("not run: ")


def test_next_run_does_what_was_left_and_the_one_after_nothing(line: Line) -> None:
    line.ci().whole()
    assert line.ci().whole() == 0
    assert line.ran == ["ha"]
    line.ci().whole()
    assert line.ran == []
    assert line.now == TEST
    assert line.last("not run: ") == "not run: nothing that is due"


def everything_passed(line: Line) -> None:
    line.ci().whole()
    line.ci().whole()


def test_changed_component_runs_its_suite_and_what_stands_on_it(line: Line) -> None:
    everything_passed(line)
    line.change("salt/states/a/init.sls", "two")
    line.ci().whole()
    assert line.ran == ["kitchen/a", "region"]


def test_change_of_nothing_slow_runs_make_test_only(line: Line) -> None:
    everything_passed(line)
    line.change("docs/page.md", "two")
    line.ci().whole()
    assert line.ran == []


def test_what_one_push_left_the_next_one_still_owes(line: Line) -> None:
    everything_passed(line)
    line.seconds["test"] = 3590.0
    line.change("ha/file", "two")
    line.ci().whole()
    assert line.ran == []
    assert line.last("not run: ").startswith("not run: ha")
    line.seconds["test"] = TEST
    line.change("docs/page.md", "two")
    line.ci().whole()
    assert line.ran == ["ha"]


def test_failed_suite_fails_ci_at_its_end_and_the_others_are_recorded(line: Line) -> None:
    line.results["kitchen/a"] = "failed"
    assert line.ci().whole() == 1
    assert line.last("FAILED: ") == "FAILED: kitchen/a"
    assert "region" in line.last("passed: ")
    del line.results["kitchen/a"]
    assert line.ci().whole() == 0
    assert line.ran == ["kitchen/a", "ha"], "what failed comes first, what passed not again"


def test_failed_make_test_ends_ci_at_once(line: Line) -> None:
    line.results["test"] = "failed"
    assert line.ci().whole() == 1
    assert line.ran == []
    assert any(one.startswith("not run: every other suite") for one in line.told)


def test_suite_that_was_stopped_is_named_and_stays_due(line: Line) -> None:
    line.results["region"] = "unfinished"
    assert line.ci().whole() == 0
    assert line.last("not finished: ").startswith("not finished: region")
    del line.results["region"]
    line.ci().whole()
    assert "region" in line.ran


def test_every_call_must_end_within_the_hard_limit(line: Line) -> None:
    line.ci().whole()
    assert line.allowed[0] == 5400 - TEST - 180
    assert all(one <= 5400 - TEST - 180 for one in line.allowed)


def test_pass_of_a_working_copy_that_differs_is_recorded_for_no_commit(line: Line) -> None:
    (line.folder / "salt/states/a/init.sls").write_text("edited")
    assert line.ci().whole() == 0
    assert any("not recorded" in one for one in line.told)
    line.git("checkout", "-q", "--", ".")
    line.ci().whole()
    assert "kitchen/a" in line.ran


def test_working_copy_that_was_edited_while_a_suite_ran_records_nothing(line: Line) -> None:
    ci = line.ci()
    usual = line.run

    def editing(suites: Sequence[Suite], timeout: float) -> list[Outcome]:
        (line.folder / "new.file").write_text("x")
        return usual(suites, timeout)

    ci.run = editing
    ci.whole()
    records = ci.passes.read()
    assert records["kitchen/a"].passed == ()
    assert records["core"].passed == (line.git("rev-parse", "HEAD"),), "make test was before"


def test_commit_that_was_rebased_away_makes_its_suites_due(line: Line) -> None:
    everything_passed(line)
    line.git("commit", "-q", "--amend", "-m", "another")
    line.git("reflog", "expire", "--expire=now", "--all")
    line.git("gc", "-q", "--prune=now")
    line.ci().whole()
    assert line.ran == ["kitchen/a", "kitchen/b", "region"]


def test_another_clone_on_this_machine_shares_the_passes(line: Line) -> None:
    everything_passed(line)
    clone = line.folder.parent / "clone"
    line.git("clone", "-q", str(line.folder), str(clone))
    line.folder = clone
    line.ci().whole()
    assert line.ran == []


def test_everything_runs_whatever_it_takes_and_goes_on_after_an_end(line: Line) -> None:
    line.results["ha"] = "failed"
    assert line.ci().every() == 1
    assert line.ran == ["kitchen/a", "kitchen/b", "region", "ha"]
    line.results = {}
    assert line.ci().every() == 0
    assert line.ran == ["ha"]
    assert line.last("passed: ") == "passed: test, kitchen/a, kitchen/b, region, ha"


def test_suites_run_by_name_are_recorded_and_not_due_any_more(line: Line) -> None:
    assert line.ci().named(["ha", "kitchen/b"]) == 0
    assert line.ran == ["ha", "kitchen/b"]
    assert line.last("passed: ") == "passed: ha, kitchen/b"
    assert [one.suite.name for one in line.ci().due()] == ["kitchen/a", "region"]


def test_suite_that_nobody_knows_is_refused_with_the_names(line: Line) -> None:
    with pytest.raises(InputError, match="no suite 'hb'") as raised:
        line.ci().named(["ha", "hb"])
    assert "kitchen/a, kitchen/b, region, ha" in raised.value.remedy
    assert line.ran == []


# What starts make.

KITCHEN = """<testsuites>
<testsuite name="a" time="12.5"><testcase name="verify"/></testsuite>
<testsuite name="b" time="3"><testcase name="verify"><failure/></testcase></testsuite>
<testsuite name="c" time="1"><testcase name="start"><failure/></testcase></testsuite>
</testsuites>"""


def test_suites_of_the_kitchen_are_told_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/kitchen.xml").write_text(KITCHEN)
    found = {one.suite: one.result for one in calls.kitchen_outcomes(tmp_path, stopped=False)}
    assert found == {"kitchen/a": "passed", "kitchen/b": "failed", "kitchen/c": "failed"}
    stopped = {one.suite: one.result for one in calls.kitchen_outcomes(tmp_path, stopped=True)}
    assert stopped == {"kitchen/a": "passed", "kitchen/b": "failed", "kitchen/c": "unfinished"}


def test_times_of_the_core_are_those_of_its_files(tmp_path: Path) -> None:
    assert calls.core_seconds(tmp_path) == {}
    (tmp_path / "logs").mkdir()
    cases = '<testcase file="a.py" time="2"/><testcase file="b.py" time="1"/>'
    (tmp_path / "logs/core.xml").write_text(f"<x>{cases}<testcase file='a.py' time='3'/></x>")
    assert calls.core_seconds(tmp_path) == {"a.py": 5.0, "b.py": 1.0}


def makefile(folder: Path, text: str) -> Path:
    (folder / "Makefile").write_text(text)
    return folder


def test_exit_status_of_make_is_the_result(tmp_path: Path) -> None:
    folder = makefile(tmp_path, "good:\n\t@true\nbad:\n\t@false\n")
    assert calls.make(folder, ["good"], 60) == "passed"
    assert calls.make(folder, ["bad"], 60) == "failed"
    two = [Suite("kitchen/a", "kitchen", 1), Suite("kitchen/b", "kitchen", 1)]
    assert {one.result for one in calls.run_suites(folder, two, 60)} == {"failed"}


def test_call_that_takes_too_long_hears_ctrl_c_and_cleans_up(tmp_path: Path) -> None:
    script = "import time\ntry:\n    time.sleep(60)\nfinally:\n    open('gone', 'w')\n"
    (tmp_path / "slow.py").write_text(script)
    folder = makefile(tmp_path, "slow:\n\t@python3 slow.py 2>/dev/null\n")
    assert calls.make(folder, ["slow"], 3) == "unfinished"
    assert (tmp_path / "gone").exists()
