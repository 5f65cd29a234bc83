"""The check `gated`: a release has the very content of a state that the gate passed."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.base.waiting import wait_until
from deploykit.checks import Occasion, Outcome
from deploykit.gate.builds import Build, Status
from deploykit.gate.config import Job
from deploykit.gate.gated import Gated
from deploykit.gate.work import Kept, Work
from deploykit.jobs.local import for_site
from deploykit.ledger.kit_signers import kit_signers
from deploykit.release import Release
from podlane import Lane
from trainworld import build_world, git


@pytest.fixture
def lane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lane:
    return Lane(build_world(tmp_path / "world", monkeypatch, {"test": None}))


def gated(lane: Lane, release: Release) -> Outcome:
    signers = kit_signers(lane.world.records)
    environment = lane.world.site.environment("test")
    with lane.world.work() as work:
        return Gated().run(work, Occasion(release, None, environment, signers=signers))


def build(lane: Lane, commit: str, word: str) -> Kept:
    """A build of `commit` that really ran, without a pod."""
    work = Work(lane.folder / "builds", for_site(lane.world.site), lane.trees)
    state = lane.state(commit)
    job = Job("unit", (word,), frozenset(), folder="world")
    made = Build("integrated/main", (commit,), state.digest, word)
    kept = Kept(made, "17", "t", state.commits, (job,), site=str(lane.world.site.folder))
    work.start(kept)
    assert wait_until(lambda: work.statuses()[made].over, 100)
    assert work.statuses()[made] is (Status.PASSED if word == "true" else Status.FAILED)
    return kept


def test_release_of_what_the_gate_passed_is_gated_whatever_its_commits_are(lane: Lane) -> None:
    commit = lane.propose(new="a: 1")
    kept = build(lane, commit, "true")
    # What is released is another commit, of another time, with the same files.
    git(lane.checkout, "cherry-pick", "--no-commit", commit)
    git(lane.checkout, "commit", "-q", "-m", "merged", "--date", "2020-01-01T00:00:00Z")
    assert lane.commit() != commit
    release = lane.world.cut()
    outcome = gated(lane, release)
    assert outcome.result == "passed"
    assert "item 17 passed" in outcome.summary
    assert f"integrated/main, build {kept.build.id[:12]}" in outcome.summary

    (lane.checkout / "salt/states/new.sls").chmod(0o755)
    git(lane.checkout, "commit", "-qam", "one mode")
    with pytest.raises(DeployKitError, match="no state that the gate of this machine passed"):
        gated(lane, lane.world.cut())


def test_state_that_failed_gates_nothing(lane: Lane) -> None:
    build(lane, lane.commit(), "false")
    with pytest.raises(DeployKitError, match="no state that the gate"):
        gated(lane, lane.world.cut())
