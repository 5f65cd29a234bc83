"""Which changes are in a queue, what is merged as one, and in which order: pure functions.

The order is that in which changes became ready, needs first. It follows from facts alone, so that a
gate that is started anew goes on with the same queue.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from deploykit.gate.changes import Change, Item, Ruling, Status


@dataclass(frozen=True, slots=True)
class Queue:
    """Projects whose changes are merged one after the other, on one branch.

    `window`: how many items are tested at the same time at first; `floor` and `most` bound what
    that becomes.
    """

    name: str
    branch: str
    projects: frozenset[str]
    window: int = 20
    floor: int = 3
    most: int = 100

    @property
    def pipeline(self) -> str:
        """The name of its builds' pipeline; a branch's name may hold '/', a queue's may not."""
        return f"{self.name}/{self.branch}"

    def holds(self, change: Change) -> bool:
        return change.project in self.projects and change.branch == self.branch


@dataclass(frozen=True, slots=True)
class Held:
    """A change that is approved and yet not in the queue, and why, in words for its owner."""

    change: Change
    why: str


@dataclass(frozen=True, slots=True)
class Line:
    """The queue: its items in order, and the approved changes that cannot enter it."""

    items: tuple[Item, ...]
    held: tuple[Held, ...]


def line_up(
    queue: Queue, changes: Mapping[str, Change], rulings: Mapping[str, Ruling] | None = None
) -> Line:
    """The queue as it stands; `changes` are all that are open, and all that these need."""
    ruled = rulings or {}
    wanted = {
        change.id: change
        for change in changes.values()
        if queue.holds(change) and _is_wanted(change, ruled.get(change.id, Ruling()))
    }
    entered: set[str] = set()
    circles: list[tuple[Change, ...]] = []
    held: list[Held] = []
    for circle in circles_of(wanted, changes):
        why = _obstacle(circle, wanted, changes, entered)
        if why:
            held += [Held(change, why) for change in circle if change.id in wanted]
        else:
            circles.append(circle)
            entered.update(change.id for change in circle)
    held.sort(key=lambda held_change: held_change.change.number)
    items = [_item(circle, changes) for circle in circles]
    return Line(tuple(_in_order(items, _ranks(circles, ruled))), tuple(held))


def circles_of(
    wanted: Iterable[str], changes: Mapping[str, Change]
) -> Iterable[tuple[Change, ...]]:
    """The changes `wanted` and the open ones that they need, those that need each other together.

    A circle comes after those that it needs; within one, changes are in order of number. (Tarjan's
    strongly connected components, without recursion: a stack of changes may be long.)
    """
    met: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()

    def open_needs(name: str) -> list[str]:
        needs = changes[name].needs
        return [need for need in needs if need in changes and changes[need].open]

    for root in sorted(wanted, key=lambda name: changes[name].number):
        if root in met:
            continue
        met[root] = lowest[root] = len(met)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(open_needs(root)))]
        while work:
            name, rest = work[-1]
            need = next(rest, None)
            if need is None:
                work.pop()
                if work:
                    above = work[-1][0]
                    lowest[above] = min(lowest[above], lowest[name])
                if lowest[name] == met[name]:
                    cut = stack.index(name)
                    circle, stack[cut:] = stack[cut:], []
                    on_stack.difference_update(circle)
                    yield tuple(sorted((changes[member] for member in circle), key=_by_number))
            elif need not in met:
                met[need] = lowest[need] = len(met)
                stack.append(need)
                on_stack.add(need)
                work.append((need, iter(open_needs(need))))
            elif need in on_stack:
                lowest[name] = min(lowest[name], met[need])


def _in_order(items: Iterable[Item], ranks: Mapping[str, int]) -> Iterator[Item]:
    """The items, always the first that is ready among those whose needs came before.

    Taking the first away, or one that none of the others needs, leaves the rest in its order: so
    the queue is the same before and after a merge, and with any window.
    """
    waiting: dict[str, list[Item]] = {}
    left: dict[str, int] = {}
    ready: list[tuple[int, float, int, Item]] = []

    def add(item: Item) -> None:
        rank = ranks[item.changes[0].id]
        since = max(change.since for change in item.changes)
        heapq.heappush(ready, (-rank, since, min(c.number for c in item.changes), item))

    for item in items:
        left[item.key] = len(item.needs)
        for need in item.needs:
            waiting.setdefault(need, []).append(item)
        if not item.needs:
            add(item)
    while ready:
        item = heapq.heappop(ready)[-1]
        yield item
        for change in item.changes:
            for other in waiting.get(change.id, ()):
                left[other.key] -= 1
                if not left[other.key]:
                    add(other)


def _is_wanted(change: Change, ruling: Ruling) -> bool:
    asked = change.open and change.approved and not change.refused
    return asked and change.ask not in ruling.dequeued


def _by_number(change: Change) -> int:
    return change.number


def _obstacle(
    circle: tuple[Change, ...],
    wanted: Mapping[str, Change],
    changes: Mapping[str, Change],
    entered: Collection[str],
) -> str:
    """Why the changes of `circle` cannot enter; '' if they can."""
    ids = {change.id for change in circle}
    for change in circle:
        if change.problem:
            return change.problem if len(circle) == 1 else f"change {change.id}: {change.problem}"
        if change.id not in wanted:
            return f"needs change {change.id}, which is not approved for merging here"
        for need in change.needs:
            other = changes.get(need)
            if other is None:
                return f"needs change {need}, which is not known"
            if other.status is Status.ABANDONED:
                return f"needs change {need}, which is abandoned"
            if other.open and need not in ids and need not in entered:
                state = "waits itself" if need in wanted else "is not approved for merging here"
                return f"needs change {need}, which {state}"
    return ""


def _item(circle: tuple[Change, ...], changes: Mapping[str, Change]) -> Item:
    ids = {change.id for change in circle}
    needs = {need for change in circle for need in change.needs if changes[need].open}
    return Item(parents_first(circle), frozenset(needs - ids))


def parents_first(circle: tuple[Change, ...]) -> tuple[Change, ...]:
    """The changes of a circle by number, but none before one that it stands on in git."""
    left, ordered = list(circle), list[Change]()
    while left:
        waiting = {change.id for change in left}
        # git knows no circles, so one of them stands on none of the others.
        free = [change for change in left if not waiting.intersection(change.parents)]
        ordered.append((free or left)[0])
        left.remove(ordered[-1])
    return tuple(ordered)


def _ranks(circles: Iterable[tuple[Change, ...]], rulings: Mapping[str, Ruling]) -> dict[str, int]:
    """How far to the front people put each change; what it needs goes with it.

    `circles` are in an order in which needs come first.
    """
    ranks: dict[str, int] = {}
    for circle in reversed(list(circles)):
        own = [rulings[change.id].expedited for change in circle if change.id in rulings]
        rank = max([*own, *(ranks.get(change.id, 0) for change in circle)], default=0)
        for change in circle:
            ranks[change.id] = rank
            for need in change.needs:
                ranks[need] = max(ranks.get(need, 0), rank)
    return ranks
