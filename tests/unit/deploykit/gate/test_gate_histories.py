"""What holds in every history: arrivals, failures, flaky jobs, conflicts, chains and circles of
Depends-On, new patch sets, votes withdrawn, abandons, and a gate that is killed at any act.

The world refuses (`gateworld.World`) a submit without a pass on exactly the trees that it gives, a
failure that is held against a change on a base that is not there, and whatever is told twice. An
event that is lost, doubled or out of order is a round that comes late, twice or early: rounds come
here whenever they like.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from deploykit.gate.builds import CHECK, Build
from deploykit.gate.changes import Status as Review
from deploykit.gate.order import line_up
from gateworld import Gate, Killed, World, drain, serially
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

PROJECTS = ("alpha", "beta", "gamma")
MOST = 12  # changes in a history


class Histories(RuleBasedStateMachine):
    @initialize(window=st.sampled_from([1, 3, 20]), slow=st.booleans(), check=st.booleans())
    def begin(self, window: int, slow: bool, check: bool) -> None:
        def duration(build: Build) -> float:
            return 1.0 + int(build.id, 16) % 90

        self.world = World(PROJECTS, duration, window=window)
        self.world.limit = 3 if slow else float("inf")
        self.check = 2 if check else 0
        self.gate = Gate(self.world, self.check)

    def change(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.world.changes)))

    @precondition(lambda self: len(self.world.changes) < MOST)
    @rule(
        data=st.data(),
        project=st.sampled_from(PROJECTS),
        kind=st.sampled_from(["good"] * 4 + ["bad", "flaky", "podless", "pair", "clash"]),
        approved=st.booleans(),
    )
    def push(self, data: st.DataObject, project: str, kind: str, approved: bool) -> None:
        id = str(len(self.world.changes) + 1)
        others = [*self.world.changes, str(len(self.world.changes) + 2)]  # one that comes later
        needs = data.draw(st.lists(st.sampled_from(others), max_size=2, unique=True))
        old = sorted(self.world.changes)
        change = self.world.push(id, project, needs)
        self.spoil(data, change.commit, kind, old)
        if approved:
            self.world.approve(id)

    def spoil(self, data: st.DataObject, commit: str, kind: str, others: list[str]) -> None:
        world = self.world
        if kind == "bad":
            world.bad.add(commit)
        elif kind == "flaky":
            world.flaky.add(commit)
        elif kind == "podless":
            world.podless.add(commit)
        elif kind in ("pair", "clash") and others:
            other = world.changes[data.draw(st.sampled_from(others))].commit
            (world.pairs if kind == "pair" else world.clashes).add(frozenset((commit, other)))

    @precondition(lambda self: self.world.changes)
    @rule(
        data=st.data(),
        act=st.sampled_from(["approve"] * 4 + ["withdraw", "abandon", "expedite", "dequeue"]),
    )
    def decide(self, data: st.DataObject, act: str) -> None:
        id = self.change(data)
        if self.world.changes[id].open:
            getattr(self.world, act)(id)

    @precondition(lambda self: self.world.changes)
    @rule(data=st.data())
    def amend(self, data: st.DataObject) -> None:
        id = self.change(data)
        if self.world.changes[id].open:
            needs = data.draw(st.lists(st.sampled_from(sorted(self.world.changes)), max_size=2))
            self.world.amend(id, [need for need in needs if need != id])

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule()
    def look(self) -> None:
        if not self.gate.round():
            self.nobody_runs_for_nothing()

    def nobody_runs_for_nothing(self) -> None:
        """A gate that has nothing to do has ended the jobs that nobody wants any more."""
        for build in self.world.running:
            for commit in build.commits:
                change = self.world.changes[commit[1:].split(".")[0]]
                assert change.open and change.commit == commit, "jobs of what is no longer there"
                assert change.approved or build.pipeline == CHECK, "jobs of what left the queue"

    @rule(acts=st.integers(0, 6))
    def die(self, acts: int) -> None:
        with contextlib.suppress(Killed):
            self.gate.round(kill_after=acts)
        self.gate = Gate(self.world, self.check)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        drain(world, self.gate)
        assert not world.running, "jobs that nobody waits for"
        line = line_up(world.queue, world.changes, world.rulings)
        assert not line.items, "an item waits for ever"
        for held in line.held:
            assert held.change.told(f"held {held.change.ask} {held.why}")
        for change in world.changes.values():
            assert (change.status is Review.MERGED) == (change.id in world.order)
            if change.refused:
                assert world.verdicts[change.id], "out of the queue without a word"
        again = Gate(world, self.check)
        assert again.round() == 0, "a gate that is started anew repeats something"


# A history that fails is short enough to read; to make it shorter may take minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
Histories.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, phases=PHASES, deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)  # fmt: skip
TestHistories = Histories.TestCase


@st.composite
def settled_worlds(draw: st.DrawFn) -> World:
    """A world in which everybody has approved everything, and jobs give the same every time."""
    count = draw(st.integers(1, 9))
    ids = [str(n) for n in range(1, count + 1)]
    world = World(PROJECTS, window=draw(st.sampled_from([1, 3, 20])))
    for id in ids:
        needs = draw(st.lists(st.sampled_from(ids), max_size=2, unique=True))
        world.push(id, draw(st.sampled_from(PROJECTS)), [need for need in needs if need != id])
    for id in draw(st.permutations(ids)):
        world.approve(id)
    commits = st.sampled_from([f"c{id}.1" for id in ids])
    world.bad |= draw(st.sets(commits, max_size=2))
    world.podless |= draw(st.sets(commits, max_size=1))
    both = st.frozensets(commits, min_size=2, max_size=2) if count > 1 else st.nothing()
    world.pairs |= draw(st.sets(both, max_size=2)) if count > 1 else set()
    world.clashes |= draw(st.sets(both, max_size=2)) if count > 1 else set()
    return world


def copied(world: World) -> World:
    return replace(
        world,
        changes=dict(world.changes), rulings=dict(world.rulings), merged=[], order=[],
        verdicts={}, told={}, outcomes=[], running={}, contents={}, results={}, began={},
    )  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(world=settled_worlds(), data=st.data())
def test_merged_set_and_order_are_those_of_a_serial_gate(world: World, data: st.DataObject) -> None:
    serial = copied(world)
    serially(serial)
    seconds = data.draw(st.lists(st.floats(1, 90), min_size=1, max_size=5))
    world.duration = lambda build: seconds[int(build.id, 16) % len(seconds)]
    gate = Gate(world)
    for kill in data.draw(st.lists(st.integers(0, 5), max_size=8)):
        try:
            gate.round(kill_after=kill)
        except Killed:
            gate = Gate(world)
        world.advance(30)
    drain(world, gate)
    assert world.order == serial.order
    assert sorted(world.verdicts) == sorted(serial.verdicts)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(1, 8), window=st.sampled_from([1, 3, 20]))
def test_order_is_that_of_approvals_with_needs_first(
    data: st.DataObject, count: int, window: int
) -> None:
    """Said here without the gate's own words for it, which the serial gate goes by as well."""
    world = World(PROJECTS, window=window)
    ids = [str(n) for n in range(1, count + 1)]
    for n, id in enumerate(ids):
        below = st.sampled_from(ids[:n]) if n else st.nothing()
        world.push(id, data.draw(st.sampled_from(PROJECTS)),
                   data.draw(st.lists(below, max_size=2, unique=True)) if n else ())  # fmt: skip
    approved = data.draw(st.permutations(ids))
    for id in approved:
        world.approve(id)
    drain(world, Gate(world))
    expected: list[str] = []
    while len(expected) < count:
        ready = [id for id in approved
                 if id not in expected and {*world.changes[id].needs} <= {*expected}]  # fmt: skip
        expected.append(ready[0])
    assert world.order == expected


@settings(max_examples=100, deadline=None)
@given(world=settled_worlds(), kills=st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_gate_that_is_killed_again_and_again_ends_as_one_that_is_not(
    world: World, kills: list[int]
) -> None:
    """Time goes by between rounds alone, so that both see the same facts at the same time."""
    quiet = copied(world)
    drain(quiet, Gate(quiet))
    for acts in kills:
        try:
            Gate(world).round(kill_after=acts)
        except Killed:
            continue
    drain(world, Gate(world))
    assert (world.order, world.verdicts) == (quiet.order, quiet.verdicts)
