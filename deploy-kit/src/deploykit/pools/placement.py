"""Which host takes a pod: of the first tier that has room, the one that has most left. Pure.

A heap for each tier, newest entries valid: a host is looked at when it changes, not when somebody
asks, so that a choice among ten thousand takes no longer than among ten.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from deploykit.pools import HostFacts, HostSpec

STALE = 120.0  # seconds after which nothing is known any more of a host that says nothing
SLACK = 4  # heap entries for each host before it is built anew

Tier = frozenset[str]


@dataclass(slots=True)
class Place:
    """A host with what is on it: bytes and pods of all kinds, and starts in flight."""

    spec: HostSpec
    facts: HostFacts
    memory: int = 0
    pods: int = 0
    starting: int = 0
    starting_memory: int = 0
    stamp: int = 0
    reserved: str = ""

    @property
    def room(self) -> int:
        """Bytes that all its pods together may take."""
        return self.facts.room if self.spec.memory is None else self.spec.memory

    @property
    def left(self) -> int:
        """Bytes that it has left: by what it may have, and by what it says is free less what those
        that start have not taken yet. A host that is wrong about one is held to the other."""
        return min(self.room - self.memory, self.facts.free - self.starting_memory)

    @property
    def is_open(self) -> bool:
        """Whether it may start one more pod, if there is memory for it and it may at this time."""
        limit = min(self.spec.starts, int(self.facts.limit))
        return self.starting < limit and self.pods < self.spec.pods

    def open_at(self) -> tuple[float, float]:
        """From when until when it may start pods."""
        return self.facts.retry_at, self.facts.seen + STALE


@dataclass
class Placement:
    """The hosts, and for each tier a heap of those that may take a pod, most room first."""

    places: dict[str, Place] = field(default_factory=dict)
    _heaps: dict[Tier, list[tuple[int, str, int]]] = field(default_factory=dict)
    _tiers_of: dict[str, list[Tier]] = field(default_factory=dict)
    _later: list[tuple[float, str]] = field(default_factory=list)

    def know_tiers(self, tiers: Iterable[Tier]) -> None:
        """The tiers that will be asked for."""
        for tier in tiers:
            if tier not in self._heaps:
                self._heaps[tier] = []
                for name in tier:
                    self._tiers_of.setdefault(name, []).append(tier)

    def change(self, name: str) -> None:
        """The place `name` is not what it was: look at it again."""
        place = self.places[name]
        place.stamp += 1
        if not place.is_open or place.left <= 0:
            return  # it comes back by another change
        for tier in self._tiers_of.get(name, ()):
            heap = self._heaps[tier]
            heapq.heappush(heap, (-place.left, name, place.stamp))
            if len(heap) > SLACK * len(tier) + 64:
                heap[:] = [entry for entry in heap if self._is_valid(entry)]
                heapq.heapify(heap)

    def pick(self, tiers: Iterable[Tier], size: int, pool: str, now: float) -> str | None:
        """The host that takes a pod of `size` bytes of `pool` at `now`; None if none can."""
        while self._later and self._later[0][0] <= now:
            self.change(heapq.heappop(self._later)[1])
        for tier in tiers:
            found = self._pick(self._heaps[tier], size, pool, now)
            if found is not None:
                return found
        return None

    def _pick(
        self, heap: list[tuple[int, str, int]], size: int, pool: str, now: float
    ) -> str | None:
        aside: list[tuple[int, str, int]] = []
        found = None
        while heap and -heap[0][0] >= size:
            entry = heapq.heappop(heap)
            if not self._is_valid(entry):
                continue
            place = self.places[entry[1]]
            since, until = place.open_at()
            if now > until:
                continue  # it comes back when it says something
            if now < since:
                heapq.heappush(self._later, (since, entry[1]))
                continue
            aside.append(entry)  # it stays among them
            if place.reserved in ("", pool):
                found = entry[1]
                break
        for entry in aside:
            heapq.heappush(heap, entry)
        return found

    def _is_valid(self, entry: tuple[int, str, int]) -> bool:
        place = self.places.get(entry[1])
        return place is not None and place.stamp == entry[2]
