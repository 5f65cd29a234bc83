"""Going back to what ran before."""

from __future__ import annotations

import pytest
from deploykit.base.errors import NodeUnreachable, Refused
from deploykit.release import Release
from deploykit.rollout import RolloutFailed
from disturb import KILLED_AFTER, Disturbance
from trainworld import FAILS, Build, World

LINE = {"alpha": None}


def test_release_before_runs_again_with_its_own_states(build: Build) -> None:
    world = build(LINE)
    first, second = world.release(), world.release()
    world.deploy(first, "alpha")
    world.deploy(second, "alpha")
    assert world.rollback("alpha") == first
    standing = world.standing()
    assert standing["current"] == standing["applied"] == {"alpha": first.digest}
    assert standing["running"] == {"alpha": first.version}
    assert world.records[-1].body["environment"] == "alpha"
    purposes = [record.body["purpose"] for record in world.records if record.kind == "deploy"]
    assert purposes[-1] == "rollback"


def test_after_a_failed_deploy_what_runs_by_the_ledger_is_deployed_again(build: Build) -> None:
    world = build(LINE)
    oldest, good, bad = world.release(), world.release(), world.release(failed="db-sync")
    world.deploy(oldest, "alpha")
    world.deploy(good, "alpha")
    with pytest.raises(RolloutFailed):
        world.deploy(bad, "alpha")
    assert world.rollback("alpha") == good
    assert world.current("alpha") == good.digest


def test_after_a_failed_smoke_test_the_release_before_comes_back(build: Build) -> None:
    world = build(LINE)
    good, bad = world.release(), world.release(smoke=FAILS)
    world.deploy(good, "alpha")
    with pytest.raises(Exception, match="smoke test fails"):
        world.deploy(bad, "alpha")
    assert world.rollback("alpha") == good
    assert world.runs("alpha") == good.version


def test_schema_that_moved_where_no_database_can_come_back_is_refused(build: Build) -> None:
    world = build(LINE)
    old = world.release(schemas={"keystone": "zed"})
    new = world.release(schemas={"keystone": "antelope"})
    world.deploy(old, "alpha")
    world.deploy(new, "alpha")
    records = len(world.records)
    with pytest.raises(Refused, match=f"{new.version} is forward-only") as refused:
        world.rollback("alpha")
    assert "the schema of keystone: zed before, antelope then" in refused.value.remedy
    assert len(world.records) == records
    assert world.current("alpha") == new.digest


@pytest.mark.parametrize("deployed", [0, 1])
def test_without_anything_before_there_is_nothing_to_go_back_to(
    build: Build, deployed: int
) -> None:
    world = build(LINE)
    release = world.release()
    for _ in range(deployed):
        world.deploy(release, "alpha")
    with pytest.raises(Refused, match="no release ran there before"):
        world.rollback("alpha")


def test_release_that_never_ran_there_is_no_way_back(build: Build) -> None:
    world = build(LINE)
    ran, never = world.release(), world.release()
    world.deploy(ran, "alpha")
    with pytest.raises(Refused, match="never"):
        world.rollback("alpha", never)
    assert world.current("alpha") == ran.digest


def killed_in(build: Build, step: str, call: int = 1) -> tuple[World, Release, Release]:
    """A world where a rollback from the last of three releases was killed right after `step`."""
    world = build(LINE)
    oldest, good, left = (world.release() for _ in range(3))
    for release in (oldest, good, left):
        world.deploy(release, "alpha")

    def killed() -> None:
        Disturbance(KILLED_AFTER, call, world.folder / "told", step).arm()
        world.rollback("alpha")

    assert world.apart(killed).status < 0
    return world, good, left


@pytest.mark.parametrize(
    "step",
    [
        "MasterSession.call orchestrate",
        "MasterSession.call current",
        "Ledger.append",  # finished is on record, its smoke test is not
    ],
)
def test_rollback_that_was_killed_goes_on_to_where_it_was_going(build: Build, step: str) -> None:
    world, good, left = killed_in(build, step, 2 if step == "Ledger.append" else 1)
    assert world.rollback("alpha") == good
    assert (world.runs("alpha"), world.current("alpha")) == (good.version, good.digest)
    assert left.digest != good.digest


def test_rollback_that_failed_is_tried_again_and_one_that_ended_goes_further_back(
    build: Build,
) -> None:
    world = build(LINE)
    oldest, good, left = (world.release() for _ in range(3))
    for release in (oldest, good, left):
        world.deploy(release, "alpha")
    (world.node("alpha", "salt") / "lose").touch()
    with pytest.raises(NodeUnreachable):
        world.rollback("alpha")
    world.up("alpha")
    assert world.rollback("alpha") == good
    assert world.rollback("alpha") == oldest
