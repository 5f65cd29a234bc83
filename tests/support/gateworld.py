"""A world for the gate to run in: changes, people, git and jobs by a clock that costs no time.

Only what is outside the gate is made up here. What it decides is `deploykit.gate.queue`; the world
does it, and refuses (AssertionError) what must never happen.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from deploykit.gate.builds import Build, Chain, Conflict, Merged, Status, digest_of
from deploykit.gate.changes import Change, Item, Ruling, mark, rejected
from deploykit.gate.changes import Status as Review
from deploykit.gate.check import Vote, checked, next_checks
from deploykit.gate.order import Queue, line_up
from deploykit.gate.queue import Cancel, Facts, Prepare, Reject, Start, Submit, Tell, next_actions

BRANCH = "main"


class Killed(Exception):
    """The gate's process ended here."""


@dataclass(repr=False)
class World:
    """Everything that is still there after the gate was killed.

    `bad` and `pairs` are commits that fail their jobs, alone or together; `clashes` pairs that git
    cannot merge; `flaky` commits whose jobs fail in one run of three; `podless` those whose jobs
    cannot be run. `duration`: seconds of a job.
    """

    projects: tuple[str, ...] = ("alpha", "beta")
    duration: Callable[[Build], float] = lambda build: 60.0
    window: int = 20
    changes: dict[str, Change] = field(default_factory=dict)
    rulings: dict[str, Ruling] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    pairs: set[frozenset[str]] = field(default_factory=set)
    clashes: set[frozenset[str]] = field(default_factory=set)
    flaky: set[str] = field(default_factory=set)
    podless: set[str] = field(default_factory=set)
    now: float = 0.0
    merged: list[str] = field(default_factory=list)  # commits, in order
    order: list[str] = field(default_factory=list)  # ids of changes, in the order of merging
    verdicts: dict[str, list[str]] = field(default_factory=dict)
    told: dict[str, list[str]] = field(default_factory=dict)
    outcomes: list[bool] = field(default_factory=list)
    running: dict[Build, float] = field(default_factory=dict)  # when it ends
    contents: dict[Build, frozenset[str]] = field(default_factory=dict)
    results: dict[Build, Status] = field(default_factory=dict)
    began: dict[Build, float] = field(default_factory=dict)
    wasted: float = 0.0
    records: int = 0
    acts: int = 0
    limit: float = float("inf")  # of jobs side by side

    def __repr__(self) -> str:
        lines = [f"{c.id} {c.project} needs {c.needs} {c.ask}" for c in self.changes.values()]
        return (
            f"World({lines}, bad={self.bad}, pairs={self.pairs}, clashes={self.clashes}, "
            f"window={self.window}, order={self.order}, verdicts={self.verdicts})"
        )

    @property
    def queue(self) -> Queue:
        return Queue("integrated", BRANCH, frozenset(self.projects), window=self.window)

    # What people do.

    def push(self, id: str, project: str = "alpha", needs: Iterable[str] = ()) -> Change:
        change = Change(id, project, BRANCH, f"c{id}.1", tuple(needs))
        self.changes[id] = change
        return change

    def approve(self, id: str) -> None:
        self.acts += 1
        self.now += 0.001  # no two acts of people at the same moment
        self._set(id, approved=True, ask=f"a{self.acts}", since=self.now)

    def withdraw(self, id: str) -> None:
        self._set(id, approved=False)

    def amend(self, id: str, needs: Iterable[str] | None = None) -> None:
        """A new patch set: votes and answers are gone."""
        old = self.changes[id]
        patchset = old.patchset + 1
        self._set(id, patchset=patchset, commit=f"c{id}.{patchset}", approved=False, ask="",
                  needs=old.needs if needs is None else tuple(needs))  # fmt: skip

    def abandon(self, id: str) -> None:
        self._set(id, status=Review.ABANDONED)

    def expedite(self, id: str) -> None:
        self.records += 1
        self.rulings[id] = replace(self.rulings.get(id, Ruling()), expedited=self.records)

    def dequeue(self, id: str) -> None:
        old = self.rulings.get(id, Ruling())
        self.rulings[id] = replace(old, dequeued=old.dequeued | {self.changes[id].ask})

    def _set(self, id: str, **fields: object) -> None:
        self.changes[id] = replace(self.changes[id], **fields)  # type: ignore[arg-type]

    # What git and the executors do.

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for build, ends in sorted(self.running.items(), key=lambda entry: entry[1]):
            if ends <= self.now:
                del self.running[build]
                self.results[build] = self.outcome(build, self.contents[build])

    def outcome(self, build: Build, content: frozenset[str]) -> Status:
        """How the jobs end on a state; the same every time but for what is flaky."""
        if self.podless.intersection(build.commits):
            return Status.NO_VERDICT
        if content & self.bad or any(pair <= content for pair in self.pairs):
            return Status.FAILED
        unlucky = int(hashlib.sha256(build.id.encode()).hexdigest(), 16) % 3 == 0
        failed = unlucky and self.flaky.intersection(build.commits)
        return Status.FAILED if failed else Status.PASSED

    def next_end(self) -> float | None:
        return min(self.running.values(), default=None)

    def trees(self, chain: Chain = ()) -> str:
        """The digest of the state that the tips and `chain` give."""
        return self.digest([*self.merged, *chain])

    def digest(self, commits: Iterable[str]) -> str:
        """Merges that do not clash commute, so a tree is the set of its commits."""
        by_project: dict[tuple[str, str], list[str]] = {(p, BRANCH): [] for p in self.projects}
        for commit in commits:
            id = commit[1:].split(".")[0]
            by_project[self.changes[id].project, BRANCH].append(commit)
        return digest_of(
            {branch: " ".join(sorted(commits)) for branch, commits in by_project.items()}
        )

    def merge(self, chain: Chain, item: tuple[str, ...]) -> Merged | Conflict:
        before = {*self.merged, *chain[: len(chain) - len(item)]}
        for change in item:
            for other in {*before, *item}:
                if frozenset((change, other)) in self.clashes:
                    return Conflict(f"{change} and {other} change the same lines")
        return Merged(self.trees(chain))

    def start(self, build: Build, chain: Chain) -> None:
        assert build not in self.results and build not in self.running, "the same build twice"
        self.contents[build] = frozenset((*self.merged, *chain))
        assert build.trees == self.trees(chain), "a build of other trees than it says"
        self.began[build] = self.now
        self.running[build] = self.now + self.duration(build)

    def cancel(self, build: Build) -> None:
        if build in self.running:
            self.wasted += self.now - self.began[build]
            del self.running[build]
            del self.contents[build]

    # What the review server does.

    def submit(self, item: Item, build: Build, onto: str) -> None:
        assert onto in ("", self.trees()), "submitted onto something else"
        assert any(
            passed.trees == build.trees and {*build.commits} <= {*passed.commits}
            for passed, status in self.results.items()
            if status is Status.PASSED
        ), "submitted without a pass on these trees"
        assert build.trees == self.trees(item.commits), "other trees than those that passed"
        for change in item.changes:
            now = self.changes[change.id]
            assert now.open and now.approved, "merged against the reviewers' will"
            inside = {member.id for member in item.changes}
            for need in now.needs:
                assert need in inside or self.changes[need].status is Review.MERGED
            self._set(change.id, status=Review.MERGED)
            self.merged.append(now.commit)
            self.order.append(now.id)
        self.outcomes.append(True)

    def reject(self, verdict: Reject) -> None:
        build = verdict.build
        assert build is None or self.contents[build] == frozenset((*self.merged, *build.commits)), (
            "a failure on another base is held against a change"
        )
        untried = build is not None and self.results[build] is Status.NO_VERDICT
        assert untried is not verdict.blamed, "blamed for what could not be run"
        for change in verdict.item.changes:
            self.tell(change, rejected(change.ask))
            self.verdicts.setdefault(change.id, []).append(verdict.why)
        if verdict.blamed:
            self.outcomes.append(False)

    def tell(self, change: Change, key: str) -> None:
        now = self.changes[change.id]
        assert not now.told(key), "told twice"
        self._set(change.id, said=now.said | {mark(key)})
        self.told.setdefault(change.id, []).append(key)

    def vote(self, vote: Vote) -> None:
        if vote.build is not None:
            untried = self.results[vote.build] is Status.NO_VERDICT
            assert (vote.passed is None) is untried, "a vote by jobs that could not be run"
        self.tell(vote.change, checked(vote.change))
        self.verdicts.setdefault(f"check {vote.change.commit}", []).append(str(vote.passed))

    def facts(self, merges: dict[Chain, Merged | Conflict]) -> Facts:
        builds = {**dict.fromkeys(self.running, Status.RUNNING), **self.results}
        return Facts(dict(self.changes), merges, builds, self.rulings, tuple(self.outcomes))


@dataclass
class Gate:
    """One process of the gate: what it keeps between two rounds is a cache of merges."""

    world: World
    check: int = 0  # builds of the check pipeline at a time; 0: no such pipeline
    merges: dict[Chain, Merged | Conflict] = field(default_factory=dict)
    tips: tuple[str, ...] = ()

    def round(self, kill_after: int | None = None) -> int:
        """Do what is to be done now; returns how many acts that were (0: nothing changed).

        Raises Killed when `kill_after` acts are done.
        """
        done = 0
        for pipeline in (self._queued, self._checks):
            merging = True
            while merging:
                if self.tips != tuple(self.world.merged):
                    self.merges, self.tips = {}, tuple(self.world.merged)
                actions = pipeline(self.world.facts(self.merges))
                merges = [action for action in actions if isinstance(action, Prepare)]
                merging = bool(merges)
                for action in merges or actions:
                    if kill_after is not None and done >= kill_after:
                        raise Killed
                    if isinstance(action, Start) and len(self.world.running) >= self.world.limit:
                        continue
                    if not self._do(action):
                        break
                    done += not isinstance(action, Prepare)
        return done

    def _queued(self, facts: Facts) -> Sequence[object]:
        return next_actions(self.world.queue, facts)

    def _checks(self, facts: Facts) -> Sequence[object]:
        return next_checks(self.world.projects, facts, self.check) if self.check else []

    def _do(self, action: object) -> bool:
        """Whether what follows may be done, too."""
        world = self.world
        if isinstance(action, Prepare):
            self.merges[action.chain] = world.merge(action.chain, action.item)
            return isinstance(self.merges[action.chain], Merged)
        if isinstance(action, Start):
            world.start(action.build, action.chain)
        elif isinstance(action, Cancel):
            world.cancel(action.build)
        elif isinstance(action, Submit):
            world.submit(action.item, action.build, action.onto)
        elif isinstance(action, Reject):
            world.reject(action)
        elif isinstance(action, Tell):
            world.tell(action.change, action.key)
        elif isinstance(action, Vote):
            world.vote(action)
        return True


def drain(world: World, gate: Gate, most: int = 10_000) -> None:
    """Let the gate go on until there is nothing to do any more. Raises AssertionError if that
    does not come about."""
    for _ in range(most):
        if gate.round():
            continue
        end = world.next_end()
        if end is None:
            return
        world.advance(max(0.0, end - world.now))
    raise AssertionError("the gate never comes to rest")


def serially(world: World) -> float:
    """A gate that takes one item after the other; returns the seconds that its jobs took."""
    seconds = 0.0
    while True:
        items = line_up(world.queue, world.changes, world.rulings).items
        if not items:
            return seconds
        item = items[0]
        merge = world.merge(item.commits, item.commits)
        if isinstance(merge, Conflict):
            world.reject(Reject(item, merge.why))
            continue
        build = Build(world.queue.pipeline, item.commits, merge.trees, item.ask)
        content = frozenset((*world.merged, *item.commits))
        seconds += world.duration(build)
        world.contents[build] = content
        world.results[build] = world.outcome(build, content)
        if world.results[build] is Status.PASSED:
            world.submit(item, build, "")
        else:
            blamed = world.results[build] is Status.FAILED
            world.reject(Reject(item, "its jobs failed", build, blamed))


def random_changes(world: World, count: int, bad: float, seed: int) -> None:
    """`count` approved changes in `world`, of which the part `bad` fails its jobs."""
    chance = random.Random(seed)
    failing = set(chance.sample(range(1, count + 1), round(count * bad)))
    for number in range(1, count + 1):
        change = world.push(str(number), chance.choice(world.projects))
        if number in failing:
            world.bad.add(change.commit)
        world.approve(change.id)


def makespan(world: World, *, period: float = 0.0, per_act: float = 0.0) -> float:
    """Run a gate that looks every `period` seconds (0: at once) and takes `per_act` seconds for
    each merge, start and submit, until nothing is left; returns the seconds that took.

    Cancelled and rejected jobs are in `world.wasted`.
    """
    gate, began = Gate(world), world.now
    while True:
        prepared = len(gate.merges)
        acts = gate.round() + max(0, len(gate.merges) - prepared)
        world.advance(acts * per_act)
        if acts:
            continue
        end = world.next_end()
        if end is None:
            return world.now - began
        wait = max(0.0, end - world.now)
        if period:
            wait = -(-wait // period) * period
        world.advance(wait)
