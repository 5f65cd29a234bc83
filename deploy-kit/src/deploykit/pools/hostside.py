"""The part of a server that works on its hosts: makes what was ordered, takes away what leaves,
looks at what is there. Each round writes down what ended and starts what is due.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Protocol, cast

from deploykit.base.errors import DeployKitError
from deploykit.base.processes import is_dead, parse_process
from deploykit.pools import Member, PoolSpec, State
from deploykit.pools import transitions as become
from deploykit.pools.config import Config
from deploykit.pools.desk import serve
from deploykit.pools.finding import Look, settle_found
from deploykit.pools.machine import MachineLook
from deploykit.pools.making import Done, UnderWay
from deploykit.pools.nodes import Found
from deploykit.pools.scheduler import LOST
from deploykit.pools.schema import PODS
from deploykit.pools.store import Store, Writing
from deploykit.pools.throttle import FIRST, Signs, Throttle, adapt, backoff, host_backoff

LOOK = 10.0  # seconds between two looks at a host
FIND = 60.0  # seconds between two looks at all that is on it
TARGET = 60.0  # seconds between two looks at what a pool's pods are to be made of
ALIVE = 30.0  # seconds between two words of who works on a pod
AGAIN = 15.0  # seconds until something that could not be taken away is tried again
GOING_AT_ONCE = 8  # pods taken away side by side
UNWELL = "it did not answer its health check"  # why, once: twice, and it goes
SHOWN = 300  # characters of why something failed


class Hands(Protocol):
    """What works on nodes (nodes.Nodes)."""

    def target(self, spec: PoolSpec) -> str: ...
    def make(self, member: Member, spec: PoolSpec) -> str: ...
    def discard(self, member: Member) -> None: ...
    def is_well(self, member: Member) -> bool: ...
    def tag(self, member: Member, spec: PoolSpec) -> None: ...
    def found(self, host: str) -> dict[str, Found]: ...
    def latency(self, host: str) -> float: ...


class HostSide:
    """The work of the server `me` on `hosts`. `look` says how this machine is, `clock` gives
    seconds since the epoch, `say` tells a line to whoever runs it."""

    def __init__(
        self,
        config: Config,
        store: Store,
        hands: Hands,
        *,
        me: str,
        hosts: Collection[str],
        clock: Callable[[], float],
        look: Callable[[], MachineLook],
        say: Callable[[str], None],
    ) -> None:
        self._config, self._store, self._hands, self._me = config, store, hands, me
        self._hosts, self._clock, self._look, self._say = frozenset(hosts), clock, look, say
        self._work = UnderWay()
        self._last: dict[tuple[str, str], float] = {}

    def round(self, *, leads: bool) -> int:
        """Write down what ended, start what is due; returns how much that was. Raises StateAway."""
        now = self._clock()
        acted = self._settle(now)
        with self._store.reading() as state:
            members = state.members(PODS.c.host.in_(self._hosts))
        acted += self._claim([one for one in members if self._is_ours_to_do(one, now)], now)
        self._stay_alive(members, now)
        self._note_dead_holders(members)
        for member in members:
            self._care_for(member, now)
        for host in self._hosts:
            self._every(LOOK, "look", host, now, partial(self._signs, host))
            self._every(FIND, "find", host, now, partial(self._find, host))
        if leads:
            for spec in self._config.pools.values():
                self._every(TARGET, "target", spec.name, now, partial(self._hands.target, spec))
        return acted

    def busy(self) -> list[str]:
        """Pods that are made or taken away now."""
        return self._work.names("make", "discard")

    def end(self) -> None:
        """Start nothing more; wait for what is under way and write it down. Raises StateAway."""
        self._work.end()
        self._settle(self._clock())

    def _is_ours_to_do(self, member: Member, now: float) -> bool:
        """Whether a pod waits for somebody to make it or to take it away."""
        if member.name in self.busy():
            return False
        if member.state is State.MAKING:
            return not member.worker
        if member.state is not State.LEAVING:
            return False
        pause = LOST if member.worker else AGAIN
        return not member.renewed or now - member.renewed > pause

    def _claim(self, members: Collection[Member], now: float) -> int:
        """Take work on, each by one transaction that looks whether somebody else did."""
        mine: list[Member] = []
        room = GOING_AT_ONCE - len(self._work.names("discard"))
        wanted = [one for one in members if one.state is State.MAKING]
        wanted += [one for one in members if one.state is State.LEAVING][: max(0, room)]
        if not wanted:
            return 0
        with self._store.writing() as state:
            for one in wanted:
                found = state.member(one.name)
                if found is not None and found.version == one.version:
                    mine.append(state.put(become.claimed(found, self._me, now)))
        for member in mine:
            self._begin(member)
        return len(mine)

    def _begin(self, member: Member) -> None:
        spec = self._config.pools.get(member.pool)
        if member.state is State.LEAVING:
            self._work.start("discard", member.name, partial(self._hands.discard, member))
        elif spec is not None:
            self._work.start("make", member.name, partial(self._hands.make, member, spec))

    def _stay_alive(self, members: Collection[Member], now: float) -> None:
        """Say of what is under way that somebody works on it."""
        busy = set(self.busy())
        late = [m.name for m in members if m.name in busy and now - m.renewed > ALIVE]
        if not late:
            return
        with self._store.writing() as state:
            for name in late:
                found = state.member(name)
                if found is not None and found.worker == self._me:
                    state.put(become.claimed(found, self._me, now))

    def _note_dead_holders(self, members: Collection[Member]) -> None:
        """A holder that is known to be dead renews nothing any more."""
        dead = [
            one.name
            for one in members
            if one.state is State.HELD and one.holder and not one.gone
            if is_dead(parse_process(json.loads(one.holder)))
        ]
        if not dead:
            return
        with self._store.writing() as state:
            for name in dead:
                found = state.member(name)
                if found is not None and found.state is State.HELD:
                    state.put(replace(found, gone=True))

    def _care_for(self, member: Member, now: float) -> None:
        """The health check and the tags of a pod, when they are due."""
        spec = self._config.pools.get(member.pool)
        if spec is None or member.state not in (State.READY, State.HELD):
            return
        if not member.tagged:
            name = f"{member.name} {member.version}"
            self._every(AGAIN / 3, "tag", name, now, partial(self._hands.tag, member, spec))
        if member.state is State.READY and not member.sick and now - member.looked > spec.health:
            self._work.start("health", member.name, partial(self._hands.is_well, member))

    def _every(
        self, seconds: float, what: str, name: str, now: float, work: Callable[[], object]
    ) -> None:
        last = self._last.get((what, name), 0.0)
        if now - last >= seconds or now < last:
            self._last[what, name] = now
            self._work.start(what, name, work)

    def _signs(self, host: str) -> tuple[MachineLook, float]:
        return self._look(), self._hands.latency(host)

    def _find(self, host: str) -> Look:
        with self._store.reading() as state:
            tick = state.tick()
        return Look(tick, self._hands.found(host))

    # What ended.

    def _settle(self, now: float) -> int:
        """Write down what ended. What was written is forgotten; the rest is told again."""
        ended = self._work.done()
        for done in ended:
            with self._store.writing() as state:
                getattr(self, f"_{done.what}_ended")(state, done, now)
            self._work.forget(done)
            if done.what == "tag":
                self._last.pop((done.what, done.name), None)
        return sum(done.what in ("make", "discard", "find") for done in ended)

    def _make_ended(self, state: Writing, done: Done, now: float) -> None:
        member = state.member(done.name)
        if member is None or member.state is not State.MAKING or member.worker != self._me:
            return  # somebody gave it up: what there is of it is taken away, or found
        pool, host = state.pool(member.pool), state.host(member.host)
        if not done.trouble:
            state.put(become.made(member, str(done.result), now))
            state.put_pool(replace(pool, failures=0, retry_at=0.0, trouble=""))
            state.put_host(replace(host, failures=0, retry_at=0.0, started=host.started + 1))
            serve(state, self._config, member.pool, now)
            return
        trouble = done.trouble[:SHOWN]
        self._say(f"{member.instance} on {member.host} could not be made: {trouble}")
        state.put(become.discarded(member, f"it could not be made: {trouble}"))
        failures = pool.failures + 1
        state.put_pool(
            replace(pool, failures=failures, retry_at=now + backoff(failures), trouble=trouble)
        )
        failures = host.failures + 1
        retry = now + host_backoff(failures)
        state.put_host(replace(host, failures=failures, failed=host.failed + 1, retry_at=retry))

    def _discard_ended(self, state: Writing, done: Done, now: float) -> None:
        member = state.member(done.name)
        if member is None or member.state is not State.LEAVING:
            return
        if not done.trouble:
            state.remove(member, now)
            return
        self._say(f"{member.instance} could not be taken away: {done.trouble[:SHOWN]}")
        state.put(replace(member, worker="", renewed=now))

    def _health_ended(self, state: Writing, done: Done, now: float) -> None:
        member = state.member(done.name)
        spec = self._config.pools.get(member.pool) if member is not None else None
        if member is None or spec is None or member.state is not State.READY:
            return
        if done.result:
            state.put(replace(member, looked=now, why=""))
        elif member.why == UNWELL:
            state.put(replace(member, looked=now, sick=True))
        else:  # the host may just be busy: once more, soon
            state.put(replace(member, looked=now - spec.health + AGAIN, why=UNWELL))

    def _tag_ended(self, state: Writing, done: Done, now: float) -> None:
        name, _, version = done.name.partition(" ")
        member = state.member(name)
        if member is not None and str(member.version) == version and not done.trouble:
            state.put(replace(member, tagged=True))

    def _look_ended(self, state: Writing, done: Done, now: float) -> None:
        spec, host = self._config.hosts[done.name], state.host(done.name)
        if done.trouble:
            if host.trouble != done.trouble:
                self._say(f"{done.name}: {done.trouble}")
            state.put_host(replace(host, trouble=done.trouble))
            return
        machine, latency = cast(tuple[MachineLook, float], done.result)
        free = machine.free / max(1, machine.memory)
        signs = Signs(machine.load, machine.pressure, latency, free, host.failed)
        throttle = adapt(
            Throttle(host.limit or FIRST, host.cut), signs, host.started, spec.starts, now
        )
        state.put_host(
            replace(
                host,
                seen=now,
                room=machine.room if spec.memory is None else spec.memory,
                free=machine.free,
                limit=throttle.limit,
                cut=throttle.cut,
                started=0,
                failed=0,
                server=self._me,
                trouble=signs.trouble(),
            )
        )

    def _find_ended(self, state: Writing, done: Done, now: float) -> None:
        if done.trouble:
            return  # the look at the host tells it
        for line in settle_found(state, self._config, done.name, cast(Look, done.result), now):
            self._say(line)

    def _target_ended(self, state: Writing, done: Done, now: float) -> None:
        pool = state.pool(done.name)
        if done.trouble:
            if pool.trouble != done.trouble:
                self._say(f"the pool {done.name}: {done.trouble[:SHOWN]}")
            failures = max(1, pool.failures)
            state.put_pool(
                replace(pool, trouble=done.trouble[:SHOWN], failures=failures,
                        retry_at=now + backoff(failures))
            )  # fmt: skip
        elif pool.target != done.result:
            state.put_pool(replace(pool, target=str(done.result)))


def hosts_served(config: Config, named: Collection[str]) -> list[str]:
    """The hosts that a server works on: those `named`, else all. Raises DeployKitError."""
    for name in named:
        if name not in config.hosts:
            raise DeployKitError(
                f"pools.yml has no host '{name}'", f"there are: {', '.join(config.hosts)}"
            )
    return list(named or config.hosts)
