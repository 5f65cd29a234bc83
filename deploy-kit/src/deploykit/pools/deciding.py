"""Which of several servers decides, what it knows for that, and its decisions written down.

One leads by a lease in the state. That is only so that not all do the same work: every decision is
written in a transaction that looks again who leads, and whether the pod is still what it was.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploykit.pools import HostFacts, PoolFacts, Request, State
from deploykit.pools import transitions as become
from deploykit.pools.config import Config
from deploykit.pools.desk import UNSEEN, serve
from deploykit.pools.fairness import startable
from deploykit.pools.scheduler import Decision, Make, Scheduler
from deploykit.pools.store import HostRow, PoolRow, Reading, Store, Writing

LEAD = 15.0  # seconds that who decides does so without a word
TIDY = 10.0  # seconds between two looks at who does not wait any more
REMEMBERED = 3600.0  # seconds that the names of pods that went are kept


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds since the epoch, and seconds that never jump."""

    wall: Callable[[], float]
    steady: Callable[[], float]


class Deciding:
    """The deciding part of the server `me`."""

    def __init__(self, config: Config, store: Store, me: str, clocks: Clocks) -> None:
        self._config, self._store, self._me, self._clocks = config, store, me, clocks
        self._scheduler: Scheduler | None = None
        self._tick = 0
        self._tidied = self._forgot = 0.0
        self._names = new_names()

    def round(self) -> int:
        """Decide what there is to decide, if it is this server's to; returns how much it was.

        Raises StateAway.
        """
        now = self._clocks.wall()
        if not self._leads(now):
            self._scheduler = None
            return 0
        if now - self._tidied >= TIDY or now < self._tidied:
            self._tidied = now
            self._tidy(now)
        scheduler = self._informed()
        decisions = scheduler.decide(now, self._clocks.steady(), self._names)
        if not decisions:
            return 0
        with self._store.writing() as state:
            if state.leader()[0] != self._me:
                decisions = []
            for decision in decisions:
                self._apply(state, decision, now)
        if not decisions:
            self._scheduler = None  # it counted as done what is not
        return len(decisions)

    def leads(self) -> bool:
        """Whether this server decided in its last round."""
        return self._scheduler is not None

    def resign(self) -> None:
        """Let another one decide at once. Raises StateAway."""
        with self._store.writing() as state:
            if state.leader()[0] == self._me:
                state.lead("", 0.0)
        self._scheduler = None

    def _leads(self, now: float) -> bool:
        with self._store.reading() as state:
            leader, until = state.leader()
        mine = leader == self._me
        if mine and LEAD / 2 < until - now <= LEAD:
            return True
        if not mine and now < until <= now + LEAD:  # further ahead is a clock that was wrong
            return False
        with self._store.writing() as state:
            leader, until = state.leader()
            if leader != self._me and now < until <= now + LEAD:
                return False
            state.lead(self._me, now + LEAD)
        return True

    def _informed(self) -> Scheduler:
        """The scheduler with all that changed since the last round."""
        if self._scheduler is None:
            self._scheduler, self._tick = Scheduler(self._config), 0
        with self._store.reading() as state:
            change = state.change_since(self._tick)
            if change.tick == self._tick:
                return self._scheduler
            for member in change.pods:
                self._scheduler.note_pod(member)
            for name in change.gone:
                self._scheduler.forget_pod(name)
            for host in state.hosts().values():
                self._scheduler.note_host(host_facts(host))
            for facts in pool_facts(state, self._config):
                self._scheduler.note_pool(facts)
        self._tick = change.tick
        return self._scheduler

    def _apply(self, state: Writing, decision: Decision, now: float) -> None:
        if isinstance(decision, Make):
            spec, target = self._config.pools[decision.pool], state.pool(decision.pool).target
            state.put(become.ordered(decision.pod, spec, decision.host, target, now))
            return
        member = state.member(decision.pod)
        if member is None or self._scheduler is None:
            return
        stays = member.protected or member.state is State.LEAVING
        if member.version == decision.version and not stays:
            state.put(become.discarded(member, decision.why))
        else:
            self._scheduler.note_pod(member)  # somebody was quicker

    def _tidy(self, now: float) -> None:
        """Nobody waits who was not heard of; whose turn it is now has what is ready."""
        with self._store.reading() as state:
            requests = state.requests()
            lost = [one.id for one in requests if now - one.seen > UNSEEN]
            idle = {name for name in {one.pool for one in requests} if state.ready(name)}
        if not lost and not idle and 0 <= now - self._forgot < REMEMBERED / 10:
            return
        self._forgot = now
        with self._store.writing() as state:
            for request in lost:
                state.withdraw(request)
            for pool in idle:
                serve(state, self._config, pool, now)
            state.forget_gone(now - REMEMBERED)


def new_names() -> Iterator[str]:
    """Names for pods that nobody else has."""
    while True:
        yield f"w{secrets.token_hex(5)}"


def host_facts(row: HostRow) -> HostFacts:
    """What the scheduler is told of a host."""
    return HostFacts(row.name, row.seen, row.room, row.free, row.limit, row.retry_at)


def pool_facts(state: Reading, config: Config) -> Iterator[PoolFacts]:
    """What the scheduler is told of each pool: who waits for it is among that."""
    waiting: dict[str, list[Request]] = defaultdict(list)
    for request in state.requests():
        waiting[request.pool].append(request)
    held, rows = state.held(), state.pools()
    for name in {*config.pools, *rows}:
        row = rows.get(name) or PoolRow(name)
        may = startable(waiting[name], held, config)
        yield PoolFacts(
            name,
            row.failures,
            row.retry_at,
            row.drained,
            row.target,
            waiting=len(may),
            first_asked=min((one.asked for one in may), default=0.0),
            priority=max((one.priority for one in may), default=0),
        )
