"""Private branches: what a push starts, what a pass moves, and what stops."""

from __future__ import annotations

from dataclasses import replace

from deploykit.gate.builds import Build, Status
from deploykit.gate.private import PIPELINE, Branch, Drop, Move, Note, Try, next_private

ANN = Branch("tools", "private/ann/x", "c1", "main", "t1")


def test_push_starts_the_jobs_once() -> None:
    assert next_private([ANN], {}, "") == [Try(ANN)]
    assert next_private([ANN], {ANN.build: Status.RUNNING}, "") == []


def test_pass_moves_the_branch_only_where_that_is_configured() -> None:
    passed = {ANN.build: Status.PASSED}
    assert next_private([ANN], passed, "main") == [Move(ANN)]
    assert next_private([ANN], passed, "") == [Note(ANN, ANN.build, Status.PASSED)]


def test_failure_is_noted_and_moves_nothing() -> None:
    actions = next_private([ANN], {ANN.build: Status.FAILED}, "main")
    assert actions == [Note(ANN, ANN.build, Status.FAILED)]


def test_branch_whose_jobs_could_not_be_run_is_noted_as_that_and_moves_nothing() -> None:
    found = next_private([ANN], {ANN.build: Status.NO_VERDICT}, "main")
    assert found == [Note(ANN, ANN.build, Status.NO_VERDICT)]


def test_branch_that_moved_on_ends_the_older_jobs() -> None:
    newer = replace(ANN, commit="c2", trees="t2")
    assert next_private([newer], {ANN.build: Status.RUNNING}, "") == [Drop(ANN.build), Try(newer)]


def test_branch_that_went_away_ends_its_jobs() -> None:
    assert next_private([], {ANN.build: Status.FAILING}, "") == [Drop(ANN.build)]


def test_jobs_of_others_are_left_alone() -> None:
    other = Build("check", ("c9",), "t9", "")
    assert next_private([], {other: Status.RUNNING}, "") == []


def test_pass_on_other_trees_moves_nothing_and_runs_again() -> None:
    """Another project's branch moved on: what passed is not what would be there."""
    now = replace(ANN, trees="t2")
    assert next_private([now], {ANN.build: Status.PASSED}, "main") == [Try(now)]


def test_failure_on_other_trees_is_not_run_again_by_itself() -> None:
    now = replace(ANN, trees="t2")
    found = next_private([now], {ANN.build: Status.FAILED}, "main")
    assert found == [Note(now, ANN.build, Status.FAILED)]


def test_pass_on_other_trees_is_enough_where_nothing_moves() -> None:
    now = replace(ANN, trees="t2")
    found = next_private([now], {ANN.build: Status.PASSED}, "")
    assert found == [Note(now, ANN.build, Status.PASSED)]


def test_pass_of_a_branch_that_does_not_stand_on_the_tip_moves_nothing() -> None:
    behind = replace(ANN, forward=False)
    found = next_private([behind], {behind.build: Status.PASSED}, "main")
    assert found == [Note(behind, behind.build, Status.PASSED)]


def test_branch_that_is_merged_wants_nothing_more() -> None:
    assert next_private([replace(ANN, merged=True)], {}, "main") == []


def test_same_commit_under_another_name_has_a_result_of_its_own() -> None:
    bob = replace(ANN, name="private/bob/x")
    builds = {ANN.build: Status.FAILED}
    assert Try(bob) in next_private([ANN, bob], builds, "")
    assert ANN.build.pipeline == PIPELINE
