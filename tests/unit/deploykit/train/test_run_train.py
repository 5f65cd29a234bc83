"""A release on its way through the environments: all real but nodes, Salt, Ansible and pytest."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from deploykit.base.errors import DeployKitError, InputError, NodeUnreachable, Refused
from deploykit.base.processes import Process
from deploykit.checks import check_named
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body
from deploykit.ledger.store import utc_now
from deploykit.ledger.view import in_flight
from deploykit.master.session import MasterSession
from deploykit.release import Release
from deploykit.rollout import RolloutFailed
from deploykit.site.instance import Instance
from deploykit.train.lease import LEASE, begin
from deploykit.train.lease_keeper import keeping_lease
from deploykit.train.line import check_now
from disturb import KILLED_AFTER, Disturbance
from trainworld import FAILS, Build, World

LINE = {"alpha": None, "omega": "smoke: {}"}  # an environment alone is no line
ELSEWHERE = Process("jo", "elsewhere", 7, "boot:1")


def during(monkeypatch: pytest.MonkeyPatch, call: str, act: Callable[[], Any]) -> None:
    """Do `act` whenever the agent is about to be asked for `call`."""
    asked = MasterSession.call

    def ask(self: MasterSession, name: str, /, **more: Any) -> Any:
        if name == call:
            act()
        return asked(self, name, **more)

    monkeypatch.setattr(MasterSession, "call", ask)


def test_release_that_holds_passes_three_environments(build: Build) -> None:
    world = build({"alpha": None, "beta": "smoke: {}", "gamma": "smoke: {}, bootstrap: {}"})
    release = world.release()
    world.train(release)
    standing = world.standing()
    assert set(standing["current"]) == {"alpha", "beta", "gamma"}
    assert set(standing["current"].values()) == {release.digest}
    assert set(standing["applied"].values()) == {release.digest}
    assert set(standing["running"].values()) == {release.version}
    assert list(standing["tags"].values()) == [{"release": release.version}] * 3
    assert standing["leases"] == [None] * 3
    smoke = ("smoke", "gamma", release.version, None, "passed", False)
    assert smoke in world.found()
    purposes = [record.body["purpose"] for record in world.records if record.kind == "deploy"]
    assert purposes == ["deploy", "deploy", *["promote"] * 4]


def test_next_release_is_rehearsed_on_a_copy_that_is_gone_afterwards(build: Build) -> None:
    world = build({"alpha": None, "omega": "smoke: {}, bootstrap: {}"})
    first = world.release()
    world.train(first)
    second = world.release()
    world.train(second)
    assert ("bootstrap", "omega", second.version, None, "passed", True) in world.found()
    assert ("upgrade", "omega", second.version, first.digest, "passed", False) in world.found()
    assert world.provider.instances() == [Instance("alpha"), Instance("omega")]
    kits = {entry.name for entry in (world.node("omega", "salt") / "srv" / "kits").iterdir()}
    assert kits == {first.hex, second.hex, "current"}


def test_environment_that_policy_holds_is_not_touched(build: Build) -> None:
    world = build({"alpha": None, "omega": "smoke: {}"})
    held = decision_body("hold", environment="omega", reason="night")
    Ledger.open(world.site).append(lambda records, now: held)
    release = world.release()
    with pytest.raises(Refused, match=r"(?s)omega.*night"):
        world.train(release)
    assert (world.runs("alpha"), world.runs("omega")) == (release.version, None)
    assert world.current("omega") is None
    assert world.phases("omega") == []


@pytest.mark.parametrize("asked", ["soak: 2h", "approvals: 1"])
def test_evidence_is_gathered_while_time_or_people_are_waited_for(build: Build, asked: str) -> None:
    world = build({"alpha": None, "omega": "smoke: {}, bootstrap: {}"})
    file = world.site.environment("omega").file
    file.write_text(file.read_text().replace("checks:", f"{asked}, checks:"))
    world.deploy(world.release(), "alpha")  # so that the next one is no bootstrap there
    release = world.release()
    said = "approval is needed" if "approvals" in asked else "has to run in alpha"
    for _ in range(2):
        with pytest.raises(Refused, match=said) as refused:
            world.train(release)
        assert "no evidence" not in refused.value.message
    bootstraps = [entry for entry in world.records
                  if entry.kind == "evidence" and entry.body["edge"] == "omega"]  # fmt: skip
    assert [entry.body["check"] for entry in bootstraps] == ["bootstrap"]
    assert world.runs("omega") is None


def test_evidence_is_not_gathered_for_what_somebody_forbade(build: Build) -> None:
    world = build({"alpha": None, "omega": "smoke: {}, bootstrap: {}"})
    release = world.release()
    world.train(release, "alpha")
    held = decision_body("hold", environment="omega", reason="night")
    Ledger.open(world.site).append(lambda records, now: held)
    with pytest.raises(Refused, match="on hold"):
        world.train(release)
    assert not [entry for entry in world.records if entry.body.get("edge") == "omega"]


def test_state_that_fails_is_recorded_and_what_ran_before_stays_current(build: Build) -> None:
    world = build({"alpha": None, "omega": "smoke: {}"})
    good = world.release()
    world.train(good)
    bad = world.release(failed="keystone-service")
    with pytest.raises(RolloutFailed, match="keystone-service on region") as failed:
        world.train(bad)
    (failure,) = failed.value.failures
    assert (failure.minion, failure.state) == ("region", "keystone-service")
    assert world.phases("alpha")[-1] == (bad.version, "failed")
    assert world.runs("alpha") == good.version
    assert world.current("alpha") == good.digest
    assert ("upgrade", "alpha", bad.version, good.digest, "failed", False) in world.found()
    assert world.phases("omega")[-1] == (good.version, "finished")


def test_smoke_test_that_fails_stops_the_train_where_the_release_runs(build: Build) -> None:
    world = build({"alpha": None, "omega": "smoke: {}"})
    release = world.release(smoke=FAILS)
    with pytest.raises(DeployKitError, match=r"deployed but its smoke test fails: .*it is down"):
        world.train(release)
    assert world.runs("alpha") == release.version
    assert ("smoke", "alpha", release.version, None, "failed", False) in world.found()
    assert world.runs("omega") is None
    with pytest.raises(Refused, match="smoke"):
        world.train(release)
    assert world.runs("omega") is None


def test_release_that_runs_already_is_passed(build: Build) -> None:
    world = build({"alpha": None, "omega": "smoke: {}"})
    release = world.release()
    world.train(release)
    records = len(world.records)
    world.train(release)
    assert len(world.records) == records


def test_nodes_made_anew_get_the_release_again_although_the_ledger_says_it_runs(
    build: Build,
) -> None:
    world = build(LINE)
    release = world.release()
    world.train(release, "alpha")
    with world.work() as work:
        world.provider.down(Instance("alpha"), work.progress)
    world.up("alpha")
    world.train(release, "alpha")
    assert world.current("alpha") == release.digest
    assert [phase for _, phase in world.phases("alpha")] == ["started", "finished"] * 2


def test_dead_node_is_named_before_anything_is_recorded(build: Build) -> None:
    world = build(LINE)
    release = world.release()
    world.provider.power_off(Instance("alpha"), "region")
    with pytest.raises(NodeUnreachable, match="region"):
        world.train(release, "alpha")
    assert world.phases("alpha") == []


def test_master_lost_in_the_middle_fails_the_deploy_and_the_next_call_ends_it(
    build: Build,
) -> None:
    world = build(LINE)
    release = world.release()
    (world.node("alpha", "salt") / "lose").touch()
    with pytest.raises(NodeUnreachable, match="ended during 'orchestrate'"):
        world.train(release, "alpha")
    assert world.phases("alpha")[-1] == (release.version, "failed")
    assert (world.runs("alpha"), world.current("alpha")) == (None, None)
    world.up("alpha")
    world.train(release, "alpha")
    assert (world.runs("alpha"), world.current("alpha")) == (release.version, release.digest)


def test_lease_left_by_a_killed_deploy_is_taken_over_by_the_next(build: Build) -> None:
    world = build(LINE)
    release = world.release()

    def killed() -> None:
        step = "MasterSession.call orchestrate"
        Disturbance(KILLED_AFTER, 1, world.folder / "told", step).arm()
        world.train(release, "alpha")

    assert world.apart(killed).status < 0
    assert in_flight(world.records, "alpha") is not None
    world.train(release, "alpha")
    assert [phase for _, phase in world.phases("alpha")] == ["started", "taken-over", "finished"]


def take_over(world: World, release: Release) -> None:
    """Somebody elsewhere takes alpha, whose lease is over by their clock."""
    late = Ledger.open(world.site, clock=lambda: utc_now() + LEASE)
    begin(late, release, "alpha", "deploy", owner=ELSEWHERE)


def test_deploy_whose_lease_somebody_took_does_not_count_as_finished(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build(LINE)
    release = world.release()

    during(monkeypatch, "orchestrate", lambda: take_over(world, release))
    with pytest.raises(Refused, match=r"taken over by jo@elsewhere"):
        world.train(release, "alpha")
    assert world.runs("alpha") is None
    left = in_flight(world.records, "alpha")
    assert left is not None and left.owner == ELSEWHERE


def test_renewal_that_is_refused_stops_before_the_release_becomes_current(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build(LINE)
    release = world.release()

    def take() -> None:
        take_over(world, release)
        time.sleep(2)  # until the keeper has asked again

    short = partial(keeping_lease, length=timedelta(seconds=3))  # asked for anew each second
    monkeypatch.setattr("deploykit.train.deploy.keeping_lease", short)
    during(monkeypatch, "orchestrate", take)
    with pytest.raises(Refused, match="taken over"):
        world.train(release, "alpha")
    assert world.current("alpha") is None


@pytest.mark.parametrize("again", [1, 2])
def test_release_deployed_again_is_recorded_and_proves_no_upgrade(build: Build, again: int) -> None:
    world = build(LINE)
    release = world.release()
    world.deploy(release, "alpha")
    edges = {entry for entry in world.found() if entry[0] != "smoke"}
    for _ in range(again):
        world.deploy(release, "alpha")
    assert world.phases("alpha").count((release.version, "finished")) == 1 + again
    assert {entry for entry in world.found() if entry[0] != "smoke"} == edges
    assert world.current("alpha") == release.digest


def test_check_by_hand_is_recorded_of_what_runs(build: Build) -> None:
    world = build({"alpha": None, "omega": "smoke: {}"})
    first = world.release()
    world.deploy(first, "alpha")
    world.release(smoke=FAILS)  # cut, but not what runs
    records = len(world.records)
    with world.work() as work:
        outcome = check_now(
            work, world.ledger, check_named("smoke"), work.site.environment("alpha")
        )
    assert outcome.result == "passed"
    (added,) = world.records[records:]
    assert (added.body["check"], added.body["environment"]) == ("smoke", "alpha")
    assert (added.body["release"], added.body["result"]) == (first.digest, "passed")


def test_check_by_hand_is_refused_where_no_release_runs_whole(build: Build) -> None:
    world = build({"alpha": None, "omega": "smoke: {}"})
    world.up("alpha")
    with world.work() as work, pytest.raises(Refused, match="no release runs there"):
        check_now(work, world.ledger, check_named("smoke"), work.site.environment("alpha"))
    with world.work() as work, pytest.raises(InputError, match="makes a copy"):
        check_now(work, world.ledger, check_named("bootstrap"), work.site.environment("alpha"))
    with pytest.raises(RolloutFailed):
        world.deploy(world.release(failed="keystone-service"), "alpha")
    with world.work() as work, pytest.raises(Refused, match="no release runs there"):
        check_now(work, world.ledger, check_named("smoke"), work.site.environment("alpha"))
