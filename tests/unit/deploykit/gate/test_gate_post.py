"""After a merge: what is validated, on whose proof, and the hold that a failure brings about."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.gate.builds import CHECK, Build, Status
from deploykit.gate.config import Post
from deploykit.gate.job import Job
from deploykit.gate.post import Holds, is_post, post_build, post_of, proving, without_post
from deploykit.gate.work import BuildPlan
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body
from deploykit.ledger.view import decisions, policy_in_force
from sitecheckout import make_checkout

QUEUED = Build("integrated/main", ("c1",), "t1", "m1")
TIPS = {("salt", "main"): "s1", ("tools", "main"): "u1"}


def build_plan(paths: tuple[str, ...] = ("a.py",)) -> BuildPlan:
    return BuildPlan(QUEUED, "17", "token", TIPS, (), "", paths)


def job(name: str, project: str, *paths: str) -> Job:
    return Job(name, ("true",), frozenset({project}), paths)


@pytest.mark.parametrize(
    ("build", "status", "merged", "proves"),
    [
        (QUEUED, Status.PASSED, True, True),
        (Build(CHECK, ("c1",), "t1", ""), Status.PASSED, True, True),
        (QUEUED, Status.FAILED, True, False),
        (Build("integrated/main", ("c1",), "t2", "m1"), Status.PASSED, True, False),
        (QUEUED, Status.PASSED, False, False),  # half of a circle, or a change that alters nothing
        (post_of(QUEUED), Status.PASSED, True, False),
    ],
)
def test_branches_are_proven_by_a_pass_on_their_very_trees(
    build: Build, status: Status, merged: bool, proves: bool
) -> None:
    found = proving({build: status}, "t1", lambda one: merged)
    assert (found == build) is proves


def test_jobs_that_run_are_those_of_what_was_merged() -> None:
    post = Post((job("mine", "tools", "*.py"), job("other path", "tools", "*.md"),
                 job("other project", "salt")))  # fmt: skip
    found = post_build(post, build_plan(), ["tools"], TIPS)
    assert [one.name for one in found.jobs] == ["mine"]
    assert found.build == post_of(QUEUED) and found.commits == TIPS
    assert found.token != "token"


def test_validation_proves_nothing_to_a_queue() -> None:
    builds = {post_of(QUEUED): Status.PASSED, QUEUED: Status.RUNNING}
    assert without_post(builds) == {QUEUED: Status.RUNNING}
    assert is_post(post_of(QUEUED)) and not is_post(QUEUED)


def test_hold_is_placed_once_for_a_build_also_after_it_was_lifted(tmp_path: Path) -> None:
    ledger = Ledger.open(make_checkout(tmp_path).site)
    environment = next(iter(policy_in_force(ledger.known)))
    assert Holds(ledger).place(environment, QUEUED, "17 was merged, and fails: smoke")
    assert not Holds(ledger).place(environment, QUEUED, "17 was merged, and fails: smoke")
    ledger.append(lambda records, now: decision_body("unhold", environment=environment))
    assert not Holds(ledger).place(environment, QUEUED, "17 was merged, and fails: smoke")
    other = Build("integrated/main", ("c2",), "t2", "m1")
    assert Holds(ledger).place(environment, other, "18 was merged, and fails: smoke")
    found = [one.decision for one in decisions(ledger.fetch_records())]
    assert found == ["hold", "unhold", "hold"]
    assert "17 was merged, and fails: smoke" in next(decisions(ledger.known)).reason
