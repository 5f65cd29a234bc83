"""The check pipeline's rules, on a world with a clock of its own."""

from __future__ import annotations

import pytest
from deploykit.gate.check import UNTRUSTED
from gateworld import Gate, World, drain


@pytest.fixture
def world() -> World:
    return World()


def test_change_is_tested_when_it_is_pushed_and_gets_one_vote(world: World) -> None:
    world.push("1")
    world.push("2")
    world.bad.add("c2.1")
    drain(world, Gate(world, check=8))
    drain(world, Gate(world, check=8))
    assert world.verdicts == {"check c1.1": ["True"], "check c2.1": ["False"]}


def test_change_whose_jobs_cannot_be_run_is_told_once_and_gets_no_vote(world: World) -> None:
    world.push("1")
    world.podless.add("c1.1")
    drain(world, Gate(world, check=8))
    drain(world, Gate(world, check=8))
    assert world.verdicts == {"check c1.1": ["None"]}


def test_change_is_tested_with_what_it_needs(world: World) -> None:
    world.push("1", "alpha", needs=["2"])
    world.push("2", "beta")
    Gate(world, check=8).round()
    assert frozenset({"c1.1", "c2.1"}) in world.contents.values()
    assert frozenset({"c2.1"}) in world.contents.values()


def test_change_with_a_circle_of_needs_is_tested_with_all_of_them(world: World) -> None:
    world.push("1", "alpha", needs=["2"])
    world.push("2", "beta", needs=["1"])
    Gate(world, check=8).round()
    assert set(world.contents.values()) == {frozenset({"c1.1", "c2.1"})}
    assert len(world.running) == 2


def test_new_patch_set_ends_the_check_of_the_old_one(world: World) -> None:
    world.push("1")
    gate = Gate(world, check=8)
    gate.round()
    world.amend("1")
    gate.round()
    assert [build.commits for build in world.running] == [("c1.2",)]


def test_merge_of_another_change_does_not_start_a_check_anew(world: World) -> None:
    world.push("1")
    gate = Gate(world, check=8)
    gate.round()
    world.push("2")
    world.merged.append("c2.1")
    world.abandon("2")
    gate.round()
    assert len(world.began) == 1


def test_pass_of_the_check_on_the_very_trees_is_the_queues_pass_too(world: World) -> None:
    world.duration = lambda build: 10.0 if build.pipeline == "check" else 60.0
    world.push("1")
    gate = Gate(world, check=8)
    gate.round()
    world.approve("1")
    gate.round()
    assert len(world.running) == 2
    world.advance(10)
    gate.round()
    assert (world.order, len(world.running)) == (["1"], 0)


def test_pass_of_the_check_on_other_trees_merges_nothing(world: World) -> None:
    world.push("1")
    gate = Gate(world, check=8)
    drain(world, gate)
    world.push("2")
    world.merged.append("c2.1")
    world.abandon("2")
    world.approve("1")
    gate.round()
    assert (world.order, len(world.running)) == ([], 1)


def test_recheck_runs_it_again(world: World) -> None:
    world.push("1")
    gate = Gate(world, check=8)
    drain(world, gate)
    world._set("1", recheck="m7")
    drain(world, gate)
    assert world.verdicts == {"check c1.1": ["True", "True"]}


def test_code_of_strangers_does_not_run_until_somebody_says_so(world: World) -> None:
    world.push("1")
    world.push("2", needs=["1"])
    world._set("1", trusted=False)
    gate = Gate(world, check=8)
    drain(world, gate)
    assert not world.began
    assert "untrusted c1.1" in world.told["1"]
    assert "recheck" in UNTRUSTED
    world._set("1", trusted=True)
    drain(world, gate)
    assert len(world.began) == 2


def test_change_that_git_cannot_merge_gets_its_vote_without_jobs(world: World) -> None:
    world.push("1")
    world.push("2")
    world.merged.append("c1.1")
    world.abandon("1")
    world.clashes.add(frozenset(("c1.1", "c2.1")))
    drain(world, Gate(world, check=8))
    assert world.verdicts == {"check c2.1": ["False"]}
    assert not world.began


def test_no_more_than_so_many_builds_run_at_a_time(world: World) -> None:
    for number in range(1, 30):
        world.push(str(number))
    gate = Gate(world, check=8)
    gate.round()
    assert len(world.running) == 8
    drain(world, gate)
    assert len(world.verdicts) == 29
