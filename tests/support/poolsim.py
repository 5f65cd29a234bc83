"""A world of pools by a clock that costs no time: the real scheduler and queue, pretended hosts.

What is true of hosts stands here beside what they say; pods that are made or go take a while, and
may fail. `World.step` is a round of a pool's server.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from deploykit.pools import (
    HostFacts,
    HostSpec,
    Member,
    PoolFacts,
    PoolSpec,
    Request,
    State,
    UserSpec,
)
from deploykit.pools import transitions as become
from deploykit.pools.config import Config
from deploykit.pools.fairness import Turns, next_request, startable
from deploykit.pools.scheduler import Discard, Make, Scheduler
from deploykit.pools.throttle import Signs, Throttle, adapt, backoff, host_backoff

GIB = 2**30


def pool(name: str, *hosts: Iterable[str], **more: float | str) -> PoolSpec:
    """A pool of pods of a GiB on `hosts` in tiers."""
    tiers = tuple(frozenset(tier) for tier in hosts)
    return PoolSpec(name, "test", tiers, **{"memory": GIB, **more})  # type: ignore[arg-type]


def config(pools: Iterable[PoolSpec], hosts: Iterable[HostSpec], **users: UserSpec) -> Config:
    """What pools.yml says of these."""
    return Config({h.name: h for h in hosts}, {p.name: p for p in pools}, users, starts=1000)


@dataclass
class Truth:
    """A host: bytes that it has, whether it is there and makes what it is asked for, how much more
    it says is free than is; the pods that really are on it, by name."""

    room: int
    up: bool = True
    fails: bool = False
    lies: int = 0
    pods: dict[str, int] = field(default_factory=dict)
    throttle: Throttle = field(default_factory=Throttle)
    failures: int = 0
    retry_at: float = 0.0
    started: int = 0
    failed: int = 0


@dataclass
class World:
    """Pools, hosts and people; `now` in seconds. `seed` is that of how long things take."""

    config: Config
    seed: int = 0
    make_seconds: tuple[float, float] = (10.0, 30.0)
    now: float = 1_000_000.0
    steady: float = 0.0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.hosts = {
            name: Truth(spec.memory or 64 * GIB) for name, spec in self.config.hosts.items()
        }
        self.members: dict[str, Member] = {}
        self.waiting: dict[str, dict[str, Request]] = {name: {} for name in self.config.pools}
        self.held: Counter[str] = Counter()
        self.turns = {name: Turns() for name in self.config.pools}
        self.pool_facts = {name: PoolFacts(name, target="r1") for name in self.config.pools}
        self.granted: dict[str, tuple[str, float]] = {}  # by request: its pod, what it waited
        self.events: list[tuple[float, int, str, str]] = []
        self.names = (f"p{n}" for n in itertools.count())
        self.ids = itertools.count()
        self.changed: set[str] = set(self.config.pools)
        self.ready: dict[str, dict[str, None]] = {name: {} for name in self.config.pools}
        self.restart()

    def restart(self) -> None:
        """The server was killed; another one begins with what the state has."""
        self.scheduler = Scheduler(self.config)
        for name in self.hosts:
            self.report(name)
        for member in self.members.values():
            self.scheduler.note_pod(member)
        for facts in self.pool_facts.values():
            self.scheduler.note_pool(facts)

    def report(self, name: str) -> None:
        """What a host says of itself, if it is there."""
        host = self.hosts[name]
        if not host.up:
            return
        used = sum(host.pods.values())
        self.scheduler.note_host(
            HostFacts(name, self.now, host.room + host.lies, host.room - used + host.lies,
                      host.throttle.limit, host.retry_at)
        )  # fmt: skip

    def look_at_hosts(self) -> None:
        """Every host is looked at, and its throttle follows."""
        for name, host in self.hosts.items():
            signs = Signs(0.5, 0.0, 0.1, 0.5, host.failed)
            most = self.config.hosts[name].starts
            host.throttle = adapt(host.throttle, signs, host.started, most, self.now)
            host.started = host.failed = 0
            self.report(name)

    # People.

    def ask(self, user: str, pool: str, *, build: str = "", wanted: float = 600.0,
            lease: float = 0.0, priority: int = 0) -> Request:  # fmt: skip
        """Somebody asks for a pod."""
        id = f"r{next(self.ids)}"
        request = Request(id, pool, user, "try", self.now, self.now, wanted, build=build,
                          priority=priority, lease=lease)  # fmt: skip
        self.turns[pool].come(request, self.waiting[pool].values())
        self.waiting[pool][id] = request
        self.changed.add(pool)
        self.grant(pool)
        return request

    def grant(self, name: str) -> None:
        """Those who wait for a pool get what is ready, in turn."""
        while self.ready[name] and self.waiting[name]:
            waiting = self.waiting[name]
            request = next_request(
                waiting.values(), self.held, self.turns[name], self.config, self.now
            )
            if request is None:
                return
            pod = self.members[next(iter(self.ready[name]))]
            assert pod.state is State.READY and not pod.request, "never two holders of one pod"
            assert request.id not in self.granted
            del waiting[request.id]
            self.turns[name].grant(request, waiting.values())
            self.held[request.user] += 1
            self.granted[request.id] = (pod.name, self.now - request.asked)
            self.put(become.granted(pod, request, self.config.pools[name].longest, self.now))
            self.changed.add(name)

    def release(self, request: str) -> None:
        """Its holder is done with a pod."""
        member = self.members.get(self.granted.get(request, ("", 0.0))[0])
        if member is not None and member.state is State.HELD and member.request == request:
            self.put(become.released(member, self.now))

    def put(self, member: Member) -> None:
        """A pod is another than it was."""
        before = self.members.get(member.name)
        member = replace(member, version=(before.version if before else 0) + 1)
        self.members[member.name] = member
        ready = self.ready.setdefault(member.pool, {})
        ready.pop(member.name, None)
        if before is not None and before.state is State.HELD and member.state is not State.HELD:
            self.held[before.user] -= 1
            self.changed |= self.config.pools.keys()
        if member.state is State.READY and not member.protected and not member.sick:
            ready[member.name] = None
            self.changed.add(member.pool)
        if member.state is State.LEAVING and (before is None or before.state is not State.LEAVING):
            self.later(self.random.uniform(2, 8), "gone", member.name)
        self.scheduler.note_pod(member)

    def later(self, seconds: float, what: str, name: str) -> None:
        heapq.heappush(self.events, (self.now + seconds, next(self.ids), what, name))

    # A server's round.

    def step(self, seconds: float = 1.0) -> None:
        """So much later: what happened by then, and what is decided of it."""
        self.now += seconds
        self.steady += seconds
        while self.events and self.events[0][0] <= self.now:
            _, _, what, name = heapq.heappop(self.events)
            getattr(self, f"_{what}")(name)
        self.decide()

    def note_queues(self) -> None:
        """The scheduler learns who waits, of the queues that changed."""
        for name in self.changed:
            may = startable(self.waiting[name].values(), self.held, self.config)
            first = min((one.asked for one in may), default=0.0)
            priority = max((one.priority for one in may), default=0)
            facts = replace(
                self.pool_facts[name], waiting=len(may), first_asked=first, priority=priority
            )
            self.pool_facts[name] = facts
            self.scheduler.note_pool(facts)
        self.changed.clear()

    def decide(self) -> int:
        """What the server decides now, done; returns how much it was."""
        for name in list(self.changed):
            self.grant(name)
        self.note_queues()
        decisions = self.scheduler.decide(self.now, self.steady, self.names)
        for decision in decisions:
            if isinstance(decision, Make):
                self._order(decision)
            else:
                self._discard(decision)
        return len(decisions)

    def _order(self, make: Make) -> None:
        spec, host = self.config.pools[make.pool], self.hosts[make.host]
        target = self.pool_facts[make.pool].target
        self.put(become.ordered(make.pod, spec, make.host, target, self.now))
        if host.up and sum(host.pods.values()) + spec.memory <= host.room:
            host.pods[make.pod] = spec.memory
        self.later(self.random.uniform(*self.make_seconds), "made", make.pod)

    def _discard(self, discard: Discard) -> None:
        member = self.members.get(discard.pod)
        assert member is not None
        if member.version != discard.version:
            self.scheduler.note_pod(member)  # somebody was quicker
            return
        assert not member.protected, "never a protected thing gone"
        self.put(become.discarded(member, discard.why))

    def _made(self, name: str) -> None:
        member = self.members.get(name)
        if member is None or member.state is not State.MAKING:
            return
        host = self.hosts[member.host]
        if not host.up:
            return  # nobody says anything of it any more
        facts = self.pool_facts[member.pool]
        if host.fails or name not in host.pods:
            failures = facts.failures + 1
            facts = replace(facts, failures=failures, retry_at=self.now + backoff(failures))
            host.failures, host.failed = host.failures + 1, host.failed + 1
            host.retry_at = self.now + host_backoff(host.failures)
            self.put(become.discarded(member, "it could not be made"))
            self.report(member.host)
        else:
            facts = replace(facts, failures=0, retry_at=0.0)
            host.failures, host.started, host.retry_at = 0, host.started + 1, 0.0
            self.put(become.made(member, "", self.now))
        self.pool_facts[member.pool] = facts
        self.scheduler.note_pool(facts)

    def _gone(self, name: str) -> None:
        member = self.members[name]
        if not self.hosts[member.host].up:
            self.later(30.0, "gone", name)  # tried again
            return
        self.hosts[member.host].pods.pop(name, None)
        del self.members[name]
        self.ready[member.pool].pop(name, None)
        self.scheduler.forget_pod(name)

    def _release(self, request: str) -> None:
        self.release(request)

    # What must be true at any time.

    def check(self) -> None:
        """Raises AssertionError if something is true that must not be."""
        holders = Counter(m.request for m in self.members.values() if m.state is State.HELD)
        assert all(count == 1 for count in holders.values()), "two pods for one request"
        on: dict[str, list[Member]] = defaultdict(list)
        for member in self.members.values():
            on[member.host].append(member)
        for name, host in self.hosts.items():
            spec, here = self.config.hosts[name], on[name]
            assert sum(m.memory for m in here) <= (spec.memory or 64 * GIB), f"{name} is too full"
            assert len(here) <= spec.pods, f"too many pods on {name}"
            starting = sum(m.state is State.MAKING for m in here)
            assert starting <= spec.starts, f"too many starts on {name}"
            assert set(host.pods) <= {m.name for m in here}, f"{name}: something is forgotten"
        there = Counter(member.pool for member in self.members.values())
        for pool in self.config.pools.values():
            assert there[pool.name] <= pool.max, f"too many pods of {pool.name}"
        held = Counter(m.user for m in self.members.values() if m.state is State.HELD)
        assert +self.held == held
        for user, count in held.items():
            assert count <= self.config.user(user).pods, f"{user} holds too many"
