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
from deploykit.gate.work import Kept
from deploykit.jobs.local import for_site
from deploykit.ledger.kit_signers import kit_signers
from deploykit.release import Release
from podlane import Lane
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


def build(lane: Lane, commit: str, word: str) -> Kept:
    """A build of `commit` that really ran, without a pod."""
    state = lane.state(commit)
    job = Job("unit", (word,), frozenset(), folder="world")
    made = Build("integrated/main", (commit,), state.digest, word)
    kept = Kept(made, "17", "t", state.commits, (job,), site=str(lane.site.folder))
    lane.work.start(kept)
    assert wait_until(lambda: lane.work.statuses()[made].over, 100)
    assert lane.work.statuses()[made] is (Status.PASSED if word == "true" else Status.FAILED)
    return kept


def test_release_of_what_the_gate_passed_is_gated_whatever_its_commits_are(
    lane: Lane, world: World
) -> None:
    commit = lane.propose({"salt/states/new.sls": "a: 1"})
    kept = build(lane, commit, "true")
    # What is released is another commit, of another time, with the same files.
    git(lane.checkout, "cherry-pick", "--no-commit", commit)
    git(lane.checkout, "commit", "-q", "-m", "merged", "--date", "2020-01-01T00:00:00Z")
    assert lane.commit() != commit
    release = world.cut()
    outcome = gated(world, release)
    assert outcome.result == "passed"
    assert "item 17 passed" in outcome.summary
    assert f"integrated/main, build {kept.build.id[:12]}" in outcome.summary

    (lane.checkout / "salt/states/new.sls").chmod(0o755)
    git(lane.checkout, "commit", "-qam", "one mode")
    with pytest.raises(DeployKitError, match="no state that the gate of this machine passed"):
        gated(world, world.cut())


def test_state_that_failed_gates_nothing(lane: Lane, world: World) -> None:
    build(lane, lane.commit(), "false")
    with pytest.raises(DeployKitError, match="no state that the gate"):
        gated(world, world.cut())
