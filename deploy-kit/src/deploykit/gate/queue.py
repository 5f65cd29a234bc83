"""What a gate should do next: one pure function, `next_actions`.

Every item is tested on top of the nearest items ahead that do not fail, as if they had been merged.
If one of them turns out to fail, those behind it stand on something else: that is another state,
with other trees, and so another build. A verdict falls only on an item that nothing is ahead of any
more. So what is merged, and in which order, is what a gate would merge that takes one item after
the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploykit.gate import builds
from deploykit.gate.builds import Build, Chain, Conflict, Merged, Status
from deploykit.gate.changes import Change, Item, Ruling
from deploykit.gate.order import Queue, line_up

UNTRIED = "its jobs could not be run, which says nothing against it"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision rests on, as it was read from outside.

    `changes` are the open ones and all that these need, `merges` the chains that were tried on the
    present tips, `builds` those of which jobs are known, `outcomes` whether the last items were
    merged, oldest first; `rulings` are people's, by change.
    """

    changes: Mapping[str, Change]
    merges: Mapping[Chain, Merged | Conflict] = field(default_factory=dict)
    builds: Mapping[Build, Status] = field(default_factory=dict)
    rulings: Mapping[str, Ruling] = field(default_factory=dict)
    outcomes: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepare:
    """Merge `chain` onto the tips, to know its trees; its last item has the commits `item`."""

    chain: Chain
    item: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """Run the jobs of `item` on the state of `chain`, unless they run already."""

    build: Build
    item: Item
    chain: Chain


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the jobs of a build whose result nobody needs any more."""

    build: Build


@dataclass(frozen=True, slots=True)
class Submit:
    """Merge `item`, whose `build` passed on exactly the trees that are there afterwards.

    `onto` are the trees of what is before it; '' if these are the present tips.
    """

    item: Item
    build: Build
    onto: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Tell an item's owners that it is not merged, and why; it leaves the queue.

    `build` is the one that failed, None if there was none. `blamed`: something is wrong with the
    item; if not, its jobs could not be run, and nobody votes on that.
    """

    item: Item
    why: str
    build: Build | None = None
    blamed: bool = True


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell a change's owner something, once: `key` is in `said` afterwards."""

    change: Change
    key: str
    text: str


Action = Prepare | Start | Cancel | Submit | Reject | Tell


def next_actions(queue: Queue, facts: Facts) -> list[Action]:
    """What to do now, in order; an empty list while there is only to wait for jobs.

    It may be called at any time and as often as one likes: it asks for what is not yet so. After
    a `Submit` or `Reject` that could not be done, the rest must not be done either. While trees
    are unknown that others hang on, it asks for these alone.
    """
    line = line_up(queue, facts.changes, facts.rulings)
    size = builds.window(facts.outcomes, start=queue.window, floor=queue.floor, most=queue.most)
    walk = _Walk(queue, facts)
    for item in line.items[:size]:
        walk.take(item)
    unknown = [action for action in walk.actions if isinstance(action, Prepare)]
    if unknown:
        # Which builds are needed is not known before; least of all which are not.
        return list(unknown)
    tells = _queue_tells(queue, facts, line.items[:size])
    tells += [
        Tell(held.change, key, f"Not in the queue: it {held.why}.")
        for held in line.held
        if not held.change.told(key := f"held {held.change.ask} {held.why}")
    ]
    needed = walk.needed
    cancelled = [
        Cancel(build)
        for build, status in facts.builds.items()
        if build.pipeline == queue.pipeline and not status.over and build not in needed
    ]
    # Chains are chains on the present tips, which verdicts move.
    starts = [action for action in walk.actions if isinstance(action, Start)]
    verdicts = [action for action in walk.actions if isinstance(action, Submit | Reject)]
    return [*tells, *cancelled, *starts, *verdicts]


class _Walk:
    """One pass over the window from the head on.

    `chain` is what the next item would stand on, `trees` its digest ('' for the tips themselves).
    `settled`: whether every item so far got its verdict in this very pass, so that the next one is
    at the head.
    """

    def __init__(self, queue: Queue, facts: Facts) -> None:
        self.actions: list[Action] = []
        self.needed: set[Build] = set()
        self._pipeline = queue.pipeline
        self._facts = facts
        self._proof = builds.Proof(facts.builds)
        self._chain: Chain = ()
        self._trees = ""
        self._settled = True
        self._failing: set[str] = set()

    def take(self, item: Item) -> None:
        if item.needs & self._failing:
            # Once what it needs got its verdict, it is no longer in the queue, and hears why.
            self._skip(item)
            return
        chain = (*self._chain, *item.commits)
        merge = self._facts.merges.get(chain)
        if merge is None:
            self.actions.append(Prepare(chain, item.commits))
            self._stand_on(chain, "")
        elif isinstance(merge, Conflict):
            self._fail(item, f"it cannot be merged: {merge.why}")
        else:
            self._judge(item, chain, merge.trees)

    def _judge(self, item: Item, chain: Chain, trees: str) -> None:
        build = Build(self._pipeline, item.commits, trees, item.ask)
        status = self._facts.builds.get(build)
        if self._proof.covers(build):
            if self._settled:
                self.actions.append(Submit(item, build, self._trees))
            self._stand_on(chain, trees, settled=self._settled)
        elif status is Status.FAILED:
            self._fail(item, "its jobs failed", build)
        elif status is Status.NO_VERDICT:
            self._fail(item, UNTRIED, build, blamed=False)
        elif status is Status.FAILING:
            self.needed.add(build)
            self._skip(item)
        else:
            if status is None:
                self.actions.append(Start(build, item, chain))
            self.needed.add(build)
            self._stand_on(chain, trees)

    def _stand_on(self, chain: Chain, trees: str, *, settled: bool = False) -> None:
        self._chain, self._trees, self._settled = chain, trees, settled

    def _fail(
        self, item: Item, why: str, build: Build | None = None, *, blamed: bool = True
    ) -> None:
        """It fails on what it stands on; if nothing is ahead of it, that is the verdict."""
        if self._settled:
            self.actions.append(Reject(item, why, build, blamed))
            self._failing.update(change.id for change in item.changes)
        else:
            self._skip(item)

    def _skip(self, item: Item) -> None:
        self._failing.update(change.id for change in item.changes)
        self._settled = False


def _queue_tells(queue: Queue, facts: Facts, items: tuple[Item, ...]) -> list[Action]:
    """What owners hear of entering the queue, and of leaving it without a verdict."""
    tells: list[Action] = []
    inside = {change.id for item in items for change in item.changes}
    for item in items:
        for change in item.changes:
            if not change.told(key := f"entered {change.ask}"):
                tells.append(Tell(change, key, f"In the queue '{queue.name}'."))
    for change in facts.changes.values():
        entered, left = f"entered {change.ask}", f"left {change.ask}"
        if not queue.holds(change) or not change.open or change.refused or change.id in inside:
            continue
        if not change.told(entered) or change.told(left):
            continue
        ruling = facts.rulings.get(change.id, Ruling())
        if change.ask in ruling.dequeued:
            tells.append(Tell(change, left, "Out of the queue: somebody took it out."))
        elif not change.approved:
            tells.append(Tell(change, left, "Out of the queue: it is no longer approved."))
    return tells
