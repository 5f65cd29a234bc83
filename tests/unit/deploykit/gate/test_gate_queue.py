"""The queue's rules, one story each: on a world with a clock of its own."""

from __future__ import annotations

import pytest
from deploykit.gate.builds import window
from deploykit.gate.changes import Status as Review
from gateworld import Gate, Killed, World, drain


@pytest.fixture
def world() -> World:
    return World()


def ready(world: World, *ids: str) -> None:
    for id in ids:
        if id not in world.changes:
            world.push(id)
        world.approve(id)


def running(world: World) -> set[str]:
    return {"+".join(one.split(".")[0][1:] for one in build.commits) for build in world.running}


def test_three_good_changes_are_tested_at_once_and_merged_in_order(world: World) -> None:
    ready(world, "1", "2", "3")
    gate = Gate(world)
    gate.round()
    assert running(world) == {"1", "2", "3"}
    world.advance(60)
    gate.round()
    assert world.order == ["1", "2", "3"]
    assert world.now == pytest.approx(60, abs=1)


def test_bad_change_in_the_middle_is_told_and_those_behind_run_again_without_it(
    world: World,
) -> None:
    ready(world, "1", "2", "3")
    world.bad.add("c2.1")
    gate = Gate(world)
    gate.round()
    world.advance(60)
    gate.round()
    assert world.order == ["1"]
    assert list(world.verdicts) == ["2"]
    assert running(world) == {"3"}
    drain(world, gate)
    assert world.order == ["1", "3"]


def test_failure_on_a_base_that_failed_is_not_held_against_the_change(world: World) -> None:
    world.duration = lambda build: 10.0 if build.commits == ("c2.1",) else 60.0
    ready(world, "1", "2")
    world.bad.add("c1.1")
    gate = Gate(world)
    gate.round()
    world.advance(10)  # 2 fails on 1, which still runs
    gate.round()
    assert not world.verdicts
    drain(world, gate)
    assert (world.order, list(world.verdicts)) == (["2"], ["1"])


def test_change_whose_jobs_cannot_be_run_is_told_without_blame_and_those_behind_go_on(
    world: World,
) -> None:
    ready(world, "1", "2", "3")
    world.podless.add("c2.1")
    gate = Gate(world)
    drain(world, gate)
    assert world.order == ["1", "3"]
    assert list(world.verdicts) == ["2"] and "could not be run" in world.verdicts["2"][0]
    assert world.outcomes == [True, True], "the window is halved for what nobody tried"
    world.podless.clear()
    world.approve("2")
    drain(world, gate)
    assert world.order == ["1", "3", "2"]


def test_item_behind_a_failing_one_stands_on_the_nearest_that_does_not_fail(world: World) -> None:
    world.duration = lambda build: 10.0 if build.commits == ("c2.1",) else 60.0
    ready(world, "1", "2", "3")
    world.bad.add("c2.1")
    gate = Gate(world)
    gate.round()
    world.advance(10)
    gate.round()
    contents = {build.commits[0]: world.contents[build] for build in world.running}
    assert contents["c3.1"] == {"c1.1", "c3.1"}


def test_job_that_failed_while_others_run_already_counts_as_failing(world: World) -> None:
    from deploykit.gate.builds import Status
    from deploykit.gate.queue import Cancel, Start, next_actions

    ready(world, "1", "2")
    gate = Gate(world)
    gate.round()
    first, second = world.running
    facts = world.facts(gate.merges)
    facts.builds[first] = Status.FAILING  # type: ignore[index]
    facts.merges[("c2.1",)] = world.merge(("c2.1",), ("c2.1",))  # type: ignore[index]
    actions = next_actions(world.queue, facts)
    assert [type(action) for action in actions] == [Cancel, Start]
    assert actions[0] == Cancel(second)
    assert actions[1].chain == ("c2.1",)  # type: ignore[union-attr]


def test_nothing_overtakes_an_item_at_the_head_whose_other_jobs_still_run(world: World) -> None:
    from deploykit.gate.builds import Build, Status
    from deploykit.gate.queue import Submit, next_actions

    ready(world, "1", "2")
    gate = Gate(world)
    gate.round()
    facts = world.facts(gate.merges)
    facts.builds[next(iter(world.running))] = Status.FAILING  # type: ignore[index]
    facts.merges[("c2.1",)] = merged = world.merge(("c2.1",), ("c2.1",))  # type: ignore[index]
    passed = Build(world.queue.pipeline, ("c2.1",), merged.trees, "a2")  # type: ignore[union-attr]
    facts.builds[passed] = Status.PASSED  # type: ignore[index]
    assert not [act for act in next_actions(world.queue, facts) if isinstance(act, Submit)]


def test_conflict_with_a_change_ahead_is_told_once_that_one_is_merged(world: World) -> None:
    ready(world, "1", "2", "3")
    world.clashes.add(frozenset(("c1.1", "c2.1")))
    gate = Gate(world)
    gate.round()
    assert not world.verdicts
    assert running(world) == {"1", "3"}
    drain(world, gate)
    assert world.order == ["1", "3"]
    assert "same lines" in world.verdicts["2"][0]


def test_conflict_with_a_change_ahead_that_fails_does_not_matter(world: World) -> None:
    ready(world, "1", "2")
    world.clashes.add(frozenset(("c1.1", "c2.1")))
    world.bad.add("c1.1")
    drain(world, Gate(world))
    assert (world.order, list(world.verdicts)) == (["2"], ["1"])


def test_new_patch_set_ends_the_jobs_of_the_old_one(world: World) -> None:
    ready(world, "1", "2")
    gate = Gate(world)
    gate.round()
    world.amend("1")
    gate.round()
    assert running(world) == {"2"}
    assert {content for build, content in world.contents.items() if build in world.running} == {
        frozenset({"c2.1"})
    }


def test_vote_withdrawn_tells_the_owner_and_frees_the_ones_behind(world: World) -> None:
    ready(world, "1", "2")
    gate = Gate(world)
    gate.round()
    world.withdraw("1")
    drain(world, gate)
    assert world.order == ["2"]
    assert any(key.startswith("left") for key in world.told["1"])


def test_need_is_merged_before_what_needs_it(world: World) -> None:
    world.push("1", "alpha", needs=["2"])
    world.push("2", "beta")
    ready(world, "1", "2")
    drain(world, Gate(world))
    assert world.order == ["2", "1"]


def test_change_whose_need_fails_stays_out_and_hears_why(world: World) -> None:
    world.push("2", "beta", needs=["1"])
    ready(world, "1", "2", "3")
    world.bad.add("c1.1")
    drain(world, Gate(world))
    assert world.order == ["3"]
    assert any("needs change 1" in key for key in world.told["2"])


@pytest.mark.parametrize(
    ("need", "why"),
    [("9", "is not known"), ("5", "is abandoned"), ("6", "is not approved"), ("7", "is not app"),
     ("8", "waits itself")],
)  # fmt: skip
def test_need_that_cannot_come_is_named_with_what_it_lacks(
    world: World, need: str, why: str
) -> None:
    world.push("5")
    world.abandon("5")
    world.push("6")
    world.push("7", "elsewhere")
    world.push("8", needs=["9"])
    world.push("1", needs=[need])
    world.approve("1")
    world.approve("8")
    drain(world, Gate(world))
    assert not world.order
    assert any(f"needs change {need}, which {why}" in key for key in world.told["1"])


def test_circle_is_merged_as_one_or_not_at_all(world: World) -> None:
    for id, project, need in (("1", "alpha", "2"), ("2", "beta", "3"), ("3", "alpha", "1")):
        world.push(id, project, needs=[need])
    ready(world, "1", "2")
    gate = Gate(world)
    drain(world, gate)
    assert not world.order  # 3 is not approved
    ready(world, "3")
    gate.round()
    assert running(world) == {"1+2+3"}
    drain(world, gate)
    assert world.order == ["1", "2", "3"]


def test_circle_that_was_merged_in_part_when_the_gate_was_killed_is_finished(world: World) -> None:
    """The rest of it gives the same trees, and these passed."""
    world.push("1", "alpha", needs=["2"])
    world.push("2", "beta", needs=["1"])
    ready(world, "1", "2")
    gate = Gate(world)
    gate.round()
    world.advance(60)
    world.merged.append("c1.1")
    world._set("1", status=Review.MERGED)
    gate = Gate(world)
    gate.round()
    assert world.order == ["2"]
    assert not world.running


def test_expedited_change_goes_to_the_head_with_what_it_needs(world: World) -> None:
    world.push("3", needs=["2"])
    ready(world, "1", "2", "3", "4")
    world.expedite("3")
    drain(world, Gate(world))
    assert world.order == ["2", "3", "1", "4"]


def test_dequeued_change_stays_out_until_somebody_asks_again(world: World) -> None:
    ready(world, "1", "2")
    gate = Gate(world)
    gate.round()
    world.dequeue("1")
    drain(world, gate)
    assert world.order == ["2"]
    world.approve("1")
    drain(world, gate)
    assert world.order == ["2", "1"]


def test_failed_change_that_is_asked_for_again_runs_again(world: World) -> None:
    ready(world, "1")
    world.bad.add("c1.1")
    gate = Gate(world)
    drain(world, gate)
    world.bad.clear()
    drain(world, gate)
    assert not world.order
    world.approve("1")
    drain(world, gate)
    assert world.order == ["1"]


def test_state_that_passed_is_not_tested_again_if_somebody_asks_again(world: World) -> None:
    world.duration = lambda build: 10.0 if build.commits == ("c2.1",) else 60.0
    ready(world, "1", "2")
    gate = Gate(world)
    gate.round()
    world.advance(10)
    world.approve("2")
    drain(world, gate)
    assert world.order == ["1", "2"]
    assert len(world.began) == 2


def test_window_bounds_what_is_tested_at_once(world: World) -> None:
    ready(world, *map(str, range(1, 31)))
    Gate(world).round()
    assert len(world.running) == 20


def test_window_grows_by_merges_and_halves_by_failures_down_to_its_floor() -> None:
    def size(*outcomes: bool) -> int:
        return window(outcomes, start=20, floor=3, most=100)

    assert size() == 20
    assert size(True, True) == 22
    assert size(False) == 10
    assert size(False, False, True) == 6
    assert size(*[False] * 9) == 3
    assert size(*[True] * 200) == 100


def test_change_of_another_branch_is_not_in_the_queue(world: World) -> None:
    world.push("1")
    world._set("1", branch="stable")
    world.approve("1")
    drain(world, Gate(world))
    assert not world.order and not world.began


def test_gate_killed_after_each_act_goes_on_where_it_was(world: World) -> None:
    ready(world, "1", "2", "3")
    world.bad.add("c2.1")
    for _ in range(200):
        try:
            Gate(world).round(kill_after=1)
        except Killed:
            continue
        end = world.next_end()
        if end is None:
            break
        world.advance(end - world.now)
    assert world.order == ["1", "3"]
    assert len(world.verdicts["2"]) == 1
