"""How pools are: what there is, who has what since when, who waits, and why nothing comes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deploykit.base import times
from deploykit.pools import Member, Request, State
from deploykit.pools.config import Config
from deploykit.pools.placement import STALE
from deploykit.pools.store import HostRow, PoolRow, Reading


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """A pool: pods by state, who waits, and what is wrong with it ("" for nothing)."""

    pool: str
    environment: str
    ready: int
    making: int
    held: int
    leaving: int
    keeps: int
    most: int
    waiting: int
    drained: bool
    trouble: str


@dataclass(frozen=True, slots=True)
class HostStatus:
    """A host: its pods, those that start and how many may at once, bytes left, and its trouble."""

    host: str
    pods: int
    starting: int
    limit: int
    left: int
    seen: datetime | None
    trouble: str


@dataclass(frozen=True, slots=True)
class PodStatus:
    """A pod of a pool, and who has it."""

    pod: str
    pool: str
    host: str
    state: str
    since: datetime
    user: str
    purpose: str
    build: str
    change: str
    until: datetime | None
    protected: str
    why: str


@dataclass(frozen=True, slots=True)
class WaitingStatus:
    """Somebody who waits for a pod."""

    request: str
    pool: str
    user: str
    purpose: str
    build: str
    priority: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """All pools at one moment; `leader` is the server that decides, "" if none does."""

    at: datetime
    leader: str
    pools: Sequence[PoolStatus]
    hosts: Sequence[HostStatus]
    pods: Sequence[PodStatus]
    waiting: Sequence[WaitingStatus]


def status_of(state: Reading, config: Config, now: float) -> Status:
    """How the pools are in the state."""
    members, requests, rows = state.members(), state.requests(), state.pools()
    leader, until = state.leader()
    names = [*config.pools, *sorted({one.pool for one in members} - {*config.pools})]
    return Status(
        times.at(now),
        leader if now < until else "",
        [_pool(config, name, rows, members, requests) for name in names],
        _hosts(config, state.hosts(), members, now),
        [_pod(member) for member in members],
        [_waiting(request) for request in requests],
    )


def _pool(
    config: Config,
    name: str,
    rows: Mapping[str, PoolRow],
    members: Iterable[Member],
    requests: Iterable[Request],
) -> PoolStatus:
    spec, row = config.pools.get(name), rows.get(name) or PoolRow(name)
    by_state = Counter(member.state for member in members if member.pool == name)
    trouble = row.trouble
    if row.failures:
        trouble = f"{row.failures} failed in a row, next try {times.at(row.retry_at):%H:%M:%S}Z: "
        trouble += row.trouble
    return PoolStatus(
        name,
        spec.environment if spec else "",
        by_state[State.READY],
        by_state[State.MAKING],
        by_state[State.HELD],
        by_state[State.LEAVING],
        spec.ready if spec else 0,
        spec.max if spec else 0,
        sum(request.pool == name for request in requests),
        row.drained,
        trouble if spec else "pools.yml has no such pool any more",
    )


def _hosts(
    config: Config, rows: Mapping[str, HostRow], members: Sequence[Member], now: float
) -> list[HostStatus]:
    found = []
    for name, spec in config.hosts.items():
        row = rows.get(name) or HostRow(name)
        here = [member for member in members if member.host == name]
        trouble = row.trouble
        if now - row.seen > STALE:
            trouble = f"no server speaks for it: deploy-kit pool run --host {name}"
        found.append(
            HostStatus(
                name,
                len(here),
                sum(member.state is State.MAKING for member in here),
                min(spec.starts, int(row.limit)),
                min(row.room - sum(member.memory for member in here), row.free),
                times.at(row.seen) if row.seen else None,
                trouble,
            )
        )
    return found


def _pod(member: Member) -> PodStatus:
    held = member.state is State.HELD
    since = max(member.created, member.ready_at)
    return PodStatus(
        member.instance,
        member.pool,
        member.host,
        member.state.value,
        times.at(since),
        member.user if held else "",
        member.purpose if held else "",
        member.build if held else "",
        member.change if held else "",
        times.at(max(member.until, member.kept)) if held else None,
        member.protected,
        member.why,
    )


def _waiting(request: Request) -> WaitingStatus:
    return WaitingStatus(
        request.id,
        request.pool,
        request.user,
        request.purpose,
        request.build,
        request.priority,
        times.at(request.asked),
    )
