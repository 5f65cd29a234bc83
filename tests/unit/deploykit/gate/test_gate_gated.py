"""The check `gated`: a release has the very content of a state that the gate passed."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.base.waiting import wait_until
from deploykit.checks import Occasion, Outcome
from deploykit.gate.builds import Build, Status
from deploykit.gate.gated import Gated
from deploykit.gate.job import Job
from deploykit.gate.work import BuildPlan
from deploykit.jobs import Result
from deploykit.jobs.local import for_site
from deploykit.ledger.kit_signers import kit_signers
from deploykit.ledger.view import evidence
from deploykit.policy import NeededCheck
from deploykit.release import Release
from deploykit.train.line import run_check
from podlane import Lane, NoExecutor
from trainworld import World, build_world, git


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return build_world(tmp_path / "world", monkeypatch, {"test": None})


@pytest.fixture
def lane(world: World) -> Lane:
    return Lane(world.folder / "checkout", world.site, executor=for_site(world.site))


def gated(world: World, release: Release) -> Outcome:
    signers = kit_signers(world.records)
    environment = world.site.environment("test")
    with world.work() as work:
        return Gated().run(work, Occasion(release, None, environment, signers=signers))


def build(lane: Lane, commit: str, word: str) -> BuildPlan:
    """A build of `commit` that really ran, without a pod."""
    state = lane.state(commit)
    job = Job("unit", (word,), frozenset(), folder="world")
    made = Build("integrated/main", (commit,), state.digest, word)
    plan = BuildPlan(made, "17", "t", state.commits, (job,), site=str(lane.site.folder))
    lane.work.start(plan)
    assert wait_until(lambda: lane.work.statuses()[made].over, 100)
    assert lane.work.statuses()[made] is (Status.PASSED if word == "true" else Status.FAILED)
    return plan


def test_release_of_what_the_gate_passed_is_gated_whatever_its_commits_are(
    lane: Lane, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = lane.propose({"salt/states/new.sls": "a: 1"})
    plan = build(lane, commit, "true")
    # What is released is another commit, of another time, with the same files.
    git(lane.checkout, "cherry-pick", "--no-commit", commit)
    git(lane.checkout, "commit", "-q", "-m", "merged", "--date", "2020-01-01T00:00:00Z")
    assert lane.commit() != commit
    release = world.cut()
    with monkeypatch.context() as patch:  # what is kept is enough
        patch.setattr("deploykit.gate.gated.state_content", None)
        outcome = gated(world, release)
    assert outcome.result == "passed"
    named = f"item 17 (integrated/main, build {plan.build.id[:12]}) passed"
    assert outcome.summary.startswith(named)
    file = lane.folder / "builds" / plan.build.id / "content"
    said = file.read_text()
    file.unlink()  # a build of a gate of before
    assert gated(world, release).summary.startswith(named)
    assert file.read_text() == said, "it is made once"

    (lane.checkout / "salt/states/new.sls").chmod(0o755)
    git(lane.checkout, "commit", "-qam", "one mode")
    with pytest.raises(DeployKitError, match="no state that the gate of this machine passed"):
        gated(world, world.cut())


def test_bootstrap_that_the_gate_made_of_the_content_is_not_made_again_and_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The jobs themselves, which make their pods, are those of test_gate_podjob.py."""
    executor = NoExecutor()
    monkeypatch.setattr("deploykit.gate.gated.executor_for", lambda site: executor)
    lane = Lane(world.folder / "checkout", world.site, executor=executor)
    release = world.release()
    bare = lane.build(lane.commit(), "true", pipeline="integrated/main", bare=True)
    executor.end(Result.PASSED)
    lane.build(lane.commit(), "true")  # newer; it began at what runs
    executor.end(Result.PASSED)
    needed, place = NeededCheck("bootstrap", None), world.site.environment("test")
    for _ in range(2):
        with world.work() as work:
            run_check(work, world.ledger, release, place, needed, environments={})
    first, second = evidence(world.records, release=release.digest, check="bootstrap")
    named = f"item 17 (integrated/main, build {bare.build.id[:12]})"
    assert first.summary == f"{named} made this content a working test out of bare nodes: in-pod"
    assert (first.result, first.copy, first.over) == ("passed", True, None)
    assert "item 17" not in second.summary, "one bootstrap would be two attempts"
    assert [str(one) for one in world.provider.instances()] == ["test"]


def test_bootstrap_of_other_content_or_by_a_pod_that_began_at_something_stands_for_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = NoExecutor()
    monkeypatch.setattr("deploykit.gate.gated.executor_for", lambda site: executor)
    lane = Lane(world.folder / "checkout", world.site, executor=executor)
    release = world.release()
    lane.build(lane.propose({"salt/states/new.sls": "a: 1"}), "true", bare=True)
    executor.end(Result.PASSED)
    lane.build(lane.commit(), "true")
    executor.end(Result.PASSED)
    needed, place = NeededCheck("bootstrap", None), world.site.environment("test")
    with world.work() as work:
        run_check(work, world.ledger, release, place, needed, environments={})
    (only,) = evidence(world.records, release=release.digest, check="bootstrap")
    assert only.result == "passed" and "item 17" not in only.summary


def test_state_that_failed_gates_nothing(lane: Lane, world: World) -> None:
    build(lane, lane.commit(), "false")
    with pytest.raises(DeployKitError, match="no state that the gate"):
        gated(world, world.cut())
