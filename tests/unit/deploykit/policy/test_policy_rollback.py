"""The check `rollback` to policy: of this edge, on a copy of this environment, or waived."""

from __future__ import annotations

from typing import Any

import pytest
from deploykit.ledger import view
from deploykit.ledger.bodies import Rehearsed
from deploykit.policy import NeededCheck, Verdict, evaluate
from deploykit.policy.case import Case
from deploykit.policy.explanation import explain
from deploykit.site.going_back import RollbackClass
from ledgerbook import Named, Story, release, rule

ONE, TWO, THREE = release(1), release(2), release(3)
CLASS = Rehearsed(RollbackClass.RESTORE, 41.2)


def story() -> Story:
    told = Story.of(test=rule(), prod=rule("test", rollback=(1, 1)))
    return told.deployed("prod", TWO).deployed("test", ONE)


def ask(told: Story) -> Verdict:
    return evaluate(ONE, "prod", tuple(told.records), told.now)


def test_edge_that_was_never_rehearsed_is_refused_until_it_is() -> None:
    told = story()
    (reason,) = ask(told).reasons
    assert reason.needed == NeededCheck("rollback", TWO.digest)
    told.found("rollback", ONE, "prod", over=TWO, copy=True, rehearsed=CLASS)
    assert ask(told).allowed


@pytest.mark.parametrize(
    ("environment", "over", "copy"),
    [("test", TWO, True), ("prod", THREE, True), ("prod", TWO, False)],
)
def test_rehearsal_elsewhere_or_over_another_release_does_not_count(
    environment: str, over: Named, copy: bool
) -> None:
    told = story().release(THREE)
    told.found("rollback", ONE, environment, over=over, copy=copy, rehearsed=CLASS)
    assert not ask(told).allowed


@pytest.mark.parametrize(("counted", "allowed"), [((), False), (("lxd",), True), (("x",), False)])
def test_copy_by_another_provider_counts_if_the_rule_names_it(
    counted: tuple[str, ...], allowed: bool
) -> None:
    asked = rule("test", rollback=(1, 1)) | ({"copies": list(counted)} if counted else {})
    told = Story.of(test=rule(), prod=asked).deployed("prod", TWO).deployed("test", ONE)
    told.found("rollback", ONE, "prod", over=TWO, copy=True, provider="lxd", rehearsed=CLASS)
    assert ask(told).allowed is allowed


def test_edge_whose_rehearsal_failed_is_refused_and_may_be_waived() -> None:
    told = story()
    lost: Any = Rehearsed(RollbackClass.FORWARD_ONLY, None)
    words = {"over": TWO, "copy": True, "summary": "forward-only: no way back", "rehearsed": lost}
    told.found("rollback", ONE, "prod", "failed", **words)
    (reason,) = ask(told).reasons
    assert reason.code == "check-failed" and "forward-only: no way back" in reason.text
    told.decided("waive", ONE, "prod", check="rollback")
    assert ask(told).allowed


def test_where_nothing_runs_there_is_nothing_to_go_back_to() -> None:
    told = Story.of(test=rule(), prod=rule("test", rollback=(1, 1))).deployed("test", ONE)
    assert ask(told).allowed


def test_explanation_names_class_and_seconds() -> None:
    told = story()
    told.found("rollback", ONE, "prod", over=TWO, copy=True, rehearsed=CLASS)
    policy = view.policy_in_force(told.records)
    asked = Case(ONE, "prod", tuple(told.records), told.now, policy["prod"], None)
    (row,) = (row for row in explain(asked) if row.rule == "rollback")
    assert row.met and row.text.startswith("restore, back in 41 s: 1 of 1 attempts passed")


def test_last_rehearsal_is_that_of_the_edge() -> None:
    told = story()
    told.found("rollback", ONE, "test", over=TWO, copy=True, rehearsed=CLASS)
    told.found("rollback", ONE, "prod", over=TWO, copy=True, rehearsed=CLASS)
    records = tuple(told.records)
    found = view.last_rehearsal(records, TWO.digest, ONE.digest, "test")
    assert found is not None and found.environment == "test" and found.rollback == CLASS
    last = view.last_rehearsal(records, TWO.digest, ONE.digest)
    assert last is not None and last.environment == "prod"
    assert view.last_rehearsal(records, THREE.digest, ONE.digest) is None
