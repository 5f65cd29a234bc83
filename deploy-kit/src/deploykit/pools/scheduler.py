"""What a pool's server does next: facts in, decisions out. Pure: no clock, no state, no provider.

Facts are noted as they change and decisions follow from what changed, so that one decision takes
no longer with a million pods a day than with ten. Who waits for what is the queue's (fairness);
here it counts how many there are, since when.
"""

from __future__ import annotations

import heapq
import math
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from deploykit.pools import LEASE, HostFacts, Member, PoolFacts, PoolSpec, State
from deploykit.pools.config import Config
from deploykit.pools.fairness import AGING
from deploykit.pools.placement import Place, Placement
from deploykit.pools.transitions import discarded, ordered

LOST = 180.0  # seconds without a word of who makes a pod, after which it is lost
LINGER = 300.0  # seconds that one more than wanted stays: somebody may come yet
OLD = 0.8  # of max_age: from then on its successor is made, somewhere until 0.95
PATIENCE = 60.0  # seconds that somebody waits for room before a host is kept for them
JUMP = 60.0  # seconds that a wall clock and a steady one may differ by
AT_ONCE = 64  # decisions of one kind in one call: the next one follows at once


@dataclass(frozen=True, slots=True)
class Make:
    """Make the pod `pod` of `pool` on `host`."""

    pod: str
    pool: str
    host: str


@dataclass(frozen=True, slots=True)
class Discard:
    """Take the pod `pod` away, if it is still at `version`; `why` is for people."""

    pod: str
    version: int
    why: str


Decision = Make | Discard


@dataclass
class _Pool:
    """A pool with what it has: pods by state, those that are old, and one in need of a host."""

    spec: PoolSpec | None
    facts: PoolFacts
    making: int = 0
    total: int = 0
    ready: dict[str, None] = field(default_factory=dict)
    old: dict[str, None] = field(default_factory=dict)
    starved: str = ""  # the host that is kept for it

    @property
    def fresh(self) -> int:
        return len(self.ready) - len(self.old)

    @property
    def target(self) -> int:
        """Ready pods that it is to have when nobody waits."""
        return 0 if self.spec is None or self.facts.drained else self.spec.ready

    def missing(self, now: float) -> int:
        """Pods to be made now: none before it is known of what; while they fail, one at a time and
        not before its time."""
        if self.spec is None or not self.facts.target or now < self.facts.retry_at:
            return 0
        waiting = 0 if self.facts.drained else self.facts.waiting
        # An old one may serve whoever waits; its successor is made beside it.
        wanted = self.target + waiting - self.fresh - self.making
        wanted = min(wanted, self.spec.max - self.total)
        return min(wanted, 1 - self.making) if self.facts.failures else wanted


class Scheduler:
    """Everything that decisions follow from, as it was noted last.

    `note_…` take facts; a pod or host that was noted before is replaced. `decide` counts what it
    decided as done: who cannot do it notes what is true instead.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._members: dict[str, Member] = {}
        self._pools: dict[str, _Pool] = {}
        self._on_host: dict[str, dict[str, None]] = defaultdict(dict)
        self._placement = Placement()
        self._due: list[tuple[float, str, int]] = []
        self._urgent: dict[str, str] = {}
        self._starting = 0
        self._clock = _Clock()
        for name, spec in config.pools.items():
            self._pools[name] = _Pool(spec, PoolFacts(name))
            self._placement.know_tiers(spec.hosts)

    def note_host(self, facts: HostFacts) -> None:
        """How a host is. One that pools.yml has not takes nothing."""
        spec = self._config.hosts.get(facts.name)
        if spec is None:
            return
        place = self._placement.places.get(facts.name)
        if place is None:
            place = self._placement.places[facts.name] = Place(spec, facts)
            for name in self._on_host[facts.name]:
                _count(place, self._members[name], 1)
        place.facts = facts
        self._placement.change(facts.name)

    def note_pool(self, facts: PoolFacts) -> None:
        """How a pool does, and who waits for it."""
        pool = self._pool(facts.name)
        before, pool.facts = pool.facts, facts
        if facts.target != before.target:
            for name in pool.ready:
                self._mark_age(pool, self._members[name], self._clock.now)

    def note_pod(self, member: Member) -> None:
        """A pod as it is."""
        self.forget_pod(member.name)
        pool = self._pool(member.pool)
        self._members[member.name] = member
        self._on_host[member.host][member.name] = None
        pool.total += 1
        pool.making += member.state is State.MAKING
        self._starting += member.state is State.MAKING
        if member.state is State.READY and not member.protected:
            pool.ready[member.name] = None
            self._mark_age(pool, member, self._clock.now)
        self._place_changed(member, 1)
        self._watch(member, pool)

    def forget_pod(self, name: str) -> None:
        """A pod that is no more."""
        member = self._members.pop(name, None)
        if member is None:
            return
        pool = self._pool(member.pool)
        del self._on_host[member.host][name]
        pool.total -= 1
        pool.making -= member.state is State.MAKING
        self._starting -= member.state is State.MAKING
        pool.ready.pop(name, None)
        pool.old.pop(name, None)
        self._urgent.pop(name, None)
        self._place_changed(member, -1)

    def decide(self, now: float, steady: float, names: Iterator[str]) -> list[Decision]:
        """What is to be done at `now`; `steady` seconds never jump; `names` are for new pods.

        At most a few of each kind: whoever got some asks again.
        """
        now = self._clock.read(now, steady)
        decisions: list[Decision] = [*self._overdue(now)]
        decisions += self._surplus(now)
        decisions += self._making(now, names)
        return decisions

    def _pool(self, name: str) -> _Pool:
        """The pool `name`; one that pools.yml has no more only loses pods."""
        if name not in self._pools:
            self._pools[name] = _Pool(None, PoolFacts(name))
        return self._pools[name]

    def _place_changed(self, member: Member, sign: int) -> None:
        place = self._placement.places.get(member.host)
        if place is not None:
            _count(place, member, sign)
            self._placement.change(member.host)

    def _watch(self, member: Member, pool: _Pool) -> None:
        """Have a look at the pod when something may be due; at once for what is wrong with it."""
        if member.protected or member.state is State.LEAVING:
            return
        if member.state is State.READY and member.sick:
            self._urgent[member.name] = "it failed its health check"
        elif member.state is State.READY and pool.spec is None:
            self._urgent[member.name] = "pools.yml has no such pool any more"
        else:
            for at in _looked_at(member, pool.spec):
                heapq.heappush(self._due, (at, member.name, member.version))

    def _mark_age(self, pool: _Pool, member: Member, now: float) -> None:
        """Whether a ready pod's successor is to be made."""
        other = bool(pool.facts.target) and member.target != pool.facts.target
        if pool.spec is not None and (other or now >= _old_at(member, pool.spec)):
            pool.old[member.name] = None
        else:
            pool.old.pop(member.name, None)

    def _overdue(self, now: float) -> Iterator[Decision]:
        """Pods that are lost, over, sick or too old."""
        for name in list(self._urgent)[:AT_ONCE]:
            yield self._discard(name, self._urgent[name])
        if now < self._clock.calm_until:
            return  # whoever holds something renews it first
        found = 0
        while found < AT_ONCE and self._due and self._due[0][0] <= now:
            _, name, version = heapq.heappop(self._due)
            member = self._members.get(name)
            if member is None or member.version != version:
                continue  # it changed since, and stands there for another time
            why = self._why_over(member, now)
            if why:
                found += 1
                yield self._discard(name, why)

    def _why_over(self, member: Member, now: float) -> str:
        """Why a pod goes now; "" if it does not."""
        pool = self._pools[member.pool]
        if member.state is State.MAKING:
            return "whoever made it is gone"
        if member.state is State.HELD:
            if now < member.over_at:
                return ""
            return "its holder is gone" if member.gone else "its time is over"
        if pool.spec is not None and now >= member.ready_at + pool.spec.max_age:
            return "it is too old"
        self._mark_age(pool, member, now)
        return ""

    def _surplus(self, now: float) -> Iterator[Decision]:
        """Ready pods of which there are more than wanted, the oldest first: those whose successors
        are there, those for which nobody came, all of a pool that is drained."""
        for pool in self._pools.values():
            if not pool.ready or pool.facts.waiting:
                continue
            drained = pool.facts.drained or pool.spec is None
            spare = len(pool.ready) if drained else len(pool.ready) - pool.target
            if pool.old and pool.spec is not None and pool.total >= pool.spec.max:
                spare = max(spare, 1 - pool.making)  # there is no room for a successor beside it
            if spare <= 0:
                continue
            yield from self._drop_spare(pool, min(spare, AT_ONCE), now, drained)

    def _drop_spare(self, pool: _Pool, spare: int, now: float, drained: bool) -> Iterator[Decision]:
        why = "its pool is drained" if drained else "a newer one is there"
        for name in [*pool.old, *(name for name in pool.ready if name not in pool.old)]:
            member = self._members[name]
            if spare <= 0:
                return
            if name in pool.old or drained or now - member.ready_at >= LINGER:
                spare -= 1
                yield self._discard(name, why)

    def _making(self, now: float, names: Iterator[str]) -> Iterator[Decision]:
        """New pods, for those who wait first, then for the pool that has least of what it keeps."""
        blocked: set[str] = set()
        wanting = [pool for pool in self._pools.values() if pool.missing(now) > 0]
        for pool in self._pools.values():
            wants = pool.facts.waiting and pool.spec and not pool.facts.drained
            if pool.starved and not wants:
                self._release_host(pool)
        for _ in range(AT_ONCE):
            able = [
                pool for pool in wanting if pool.facts.name not in blocked and pool.missing(now) > 0
            ]
            if not able or self._starting >= self._config.starts:
                return
            pool = min(able, key=_need)
            spec = pool.spec
            assert spec is not None
            host = self._placement.pick(spec.hosts, spec.memory, spec.name, now)
            if host is None:
                blocked.add(spec.name)
                yield from self._make_room(pool, now)
                continue
            self._release_host(pool)
            yield self._make(next(names), pool, host, now)

    def _make(self, name: str, pool: _Pool, host: str, now: float) -> Make:
        assert pool.spec is not None
        self.note_pod(ordered(name, pool.spec, host, pool.facts.target, now))
        return Make(name, pool.spec.name, host)

    def _make_room(self, pool: _Pool, now: float) -> Iterator[Decision]:
        """Somebody waits for a pod that no host has room for: keep the host for it that will have
        some soonest, and have idle pods of others leave it."""
        spec = pool.spec
        if spec is None or not pool.facts.waiting or pool.ready:
            return
        if now - pool.facts.first_asked < PATIENCE or pool.making:
            return
        if pool.starved and not _is_live(self._placement.places[pool.starved], now):
            self._release_host(pool)
        if not pool.starved:
            name = self._roomiest(pool, now)
            if name is None:
                return
            pool.starved = name
            self._placement.places[name].reserved = spec.name
        place = self._placement.places[pool.starved]
        freed = sum(
            self._members[name].memory
            for name in self._on_host[pool.starved]
            if self._members[name].state is State.LEAVING
        )
        for name in self._idle(pool.starved):
            slots = place.spec.pods - place.pods
            if place.left + freed >= spec.memory and (slots > 0 or freed):
                return
            freed += self._members[name].memory
            yield self._discard(name, f"somebody waits for a pod of {spec.name}")

    def _roomiest(self, pool: _Pool, now: float) -> str | None:
        """The host of a starved pool that could hold a pod of it if all others left, and has most
        to give now."""
        assert pool.spec is not None
        best, most = None, -math.inf
        for tier in pool.spec.hosts:
            for name in tier:
                place = self._placement.places.get(name)
                if place is None or place.reserved or not _is_live(place, now):
                    continue
                idle = sum(self._members[one].memory for one in self._idle(name))
                if place.room >= pool.spec.memory and place.left + idle > most:
                    best, most = name, place.left + idle
        return best

    def _idle(self, host: str) -> list[str]:
        """Ready pods on a host that nobody waits for."""
        return [
            name
            for name in self._on_host[host]
            if name in self._pools[self._members[name].pool].ready
            and not self._pools[self._members[name].pool].facts.waiting
        ]

    def _release_host(self, pool: _Pool) -> None:
        if pool.starved:
            self._placement.places[pool.starved].reserved = ""
            self._placement.change(pool.starved)
            pool.starved = ""

    def _discard(self, name: str, why: str) -> Discard:
        member = self._members[name]
        self.note_pod(discarded(member, why))
        return Discard(name, member.version, why)


@dataclass
class _Clock:
    """The time, which never goes back here. When it jumped ahead, nothing is over for a while:
    whoever holds something is told no sooner that time has passed."""

    now: float = 0.0
    calm_until: float = 0.0
    _wall: float | None = None
    _steady: float = 0.0

    def read(self, wall: float, steady: float) -> float:
        if self._wall is not None:
            jumped = (wall - self._wall) - (steady - self._steady)
            if jumped > JUMP:
                self.calm_until = wall + LEASE
            if jumped < -JUMP:  # it was wrong before: what is true now counts
                self.now = wall
                self.calm_until = 0.0
        self._wall, self._steady = wall, steady
        self.now = max(self.now, wall)
        return self.now


def _count(place: Place, member: Member, sign: int) -> None:
    """A pod comes to (1) or leaves (-1) a host."""
    place.memory += sign * member.memory
    place.pods += sign
    if member.state is State.MAKING:
        place.starting += sign
        place.starting_memory += sign * member.memory


def _is_live(place: Place, now: float) -> bool:
    since, until = place.open_at()
    return since <= now <= until


def _need(pool: _Pool) -> tuple[int, float]:
    """The order in which pools get their next pod."""
    assert pool.spec is not None
    if pool.facts.waiting > pool.making + len(pool.ready):
        return 0, pool.facts.first_asked - pool.facts.priority * AGING
    return 1, (pool.fresh + pool.making) / max(1, pool.spec.ready)


def _old_at(member: Member, spec: PoolSpec) -> float:
    """When the successor of a ready pod is due: not for all at the same time."""
    spread = zlib.crc32(member.name.encode()) / 2**32
    return member.ready_at + spec.max_age * (OLD + 0.15 * spread)


def _looked_at(member: Member, spec: PoolSpec | None) -> list[float]:
    """When something is due for a pod in the state that it is in."""
    if member.state is State.MAKING:
        return [member.renewed + LOST]
    if member.state is State.HELD:
        return [member.over_at]
    return [_old_at(member, spec), member.ready_at + spec.max_age] if spec is not None else []
