"""Going back to what ran before."""

from __future__ import annotations

import pytest
from deploykit.base.errors import Refused
from deploykit.rollout import RolloutFailed
from trainworld import FAILS, Build

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


def test_schema_that_moved_since_is_refused_and_nothing_is_touched(build: Build) -> None:
    world = build(LINE)
    old = world.release(schemas={"keystone": "zed"})
    new = world.release(schemas={"keystone": "antelope"})
    world.deploy(old, "alpha")
    world.deploy(new, "alpha")
    records = len(world.records)
    with pytest.raises(Refused, match="the database schema moved") as refused:
        world.rollback("alpha")
    assert "keystone: zed before, antelope now" in refused.value.remedy
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
