"""Pools: pods made before anybody asks for them. The words, as data.

Times are seconds since the epoch here, so that what decides has no calendar; sizes are bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

POOL = "pool"  # the tag that says which pool a pod is of
HOST = "host"  # the tag that says where it was placed
LEASE = 600.0  # seconds that a holder has until it renews


class State(StrEnum):
    """What a pod of a pool is: on its way, there for anybody, somebody's, on its way out."""

    MAKING = "making"
    READY = "ready"
    HELD = "held"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """What pools.yml says of a pool.

    Pods are copies of `environment`, with the release `release` (a version or "latest"), or what
    the environment `line` runs ("" and "": what the train's last environment runs); without any if
    they are `bare`. One takes `memory` of its host. `ready` are kept for whoever comes, at most
    `max` are there at all. One older than `max_age` is replaced; each is looked at every `health`.
    Nobody has one longer than `longest`, unless a person keeps it. `hosts` are names in tiers: the
    first tier that has room takes it.
    """

    name: str
    environment: str
    hosts: tuple[frozenset[str], ...]
    memory: int
    ready: int = 1
    max: int = 4
    max_age: float = 86400.0
    health: float = 300.0
    longest: float = 28800.0
    release: str = ""
    line: str = ""
    bare: bool = False

    def names(self) -> frozenset[str]:
        """Every host that may have its pods."""
        return frozenset().union(*self.hosts)


@dataclass(frozen=True, slots=True)
class HostSpec:
    """What pools.yml says of a host or cloud: what makes its nodes, and at most how much of it.

    `memory` None is four fifths of what it has; `starts` is never exceeded, however well it
    bears them.
    """

    name: str
    provider: str
    pods: int
    starts: int
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class UserSpec:
    """What a user may hold at once, and the priority of what they ask for."""

    pods: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A host as it was at `seen`: `room` for all pods together and `free` now; at most `limit`
    starts at once, as it bore them lately; none before `retry_at`."""

    name: str
    seen: float
    room: int
    free: int
    limit: float
    retry_at: float = 0.0


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """How a pool does: `failures` in a row and when it is tried again; whether it is `drained`;
    what its pods are to be made of now (`target`, "" for not known yet); how many of those who
    wait could have a pod if there was one, since when the first does, and their priority."""

    name: str
    failures: int = 0
    retry_at: float = 0.0
    drained: bool = False
    target: str = ""
    waiting: int = 0
    first_asked: float = 0.0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """A pod of a pool, as the state has it; `instance` is its name for everything else.

    `version` grows with each change. `renewed` is when the process that works on it (`worker`, ""
    for none) last said so. What stands from `user` to `kept` is its holder's: wanted `until`, as
    long as the `lease` is renewed; a person keeps it beyond both until `kept`. `gone` says that its
    holder is known to be dead, `sick` that it failed its health check, `protected` why nothing
    takes it away ("" if something may), `why` why it leaves.
    """

    name: str
    pool: str
    host: str
    memory: int
    state: State
    version: int
    created: float
    instance: str = ""
    target: str = ""
    ready_at: float = 0.0
    renewed: float = 0.0
    worker: str = ""
    request: str = ""
    user: str = ""
    purpose: str = ""
    build: str = ""
    change: str = ""
    holder: str = ""
    until: float = 0.0
    lease: float = 0.0
    kept: float = 0.0
    gone: bool = False
    sick: bool = False
    protected: str = ""
    why: str = ""
    looked: float = 0.0
    tagged: bool = True
    access: str = ""

    @property
    def over_at(self) -> float:
        """When it stops being its holder's, if nobody says anything any more."""
        lease = 0.0 if self.gone else min(self.until, self.lease)
        return max(lease, self.kept)

    @property
    def way_in(self) -> dict[str, Any]:
        """How it is reached, for machines: its nodes, their ssh_config, variables for programs."""
        access = json.loads(self.access or "{}")
        return {
            "inventory": access.get("nodes", []),
            "ssh_config": access.get("ssh_config", ""),
            "environment": access.get("environment", {}),
        }


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody who waits for a pod of `pool`, since `asked`; they said at `seen` that they do.

    `wanted` seconds is how long they want it, renewed every `lease` seconds (0: not at all, it is
    theirs for the whole time); `holder` the process that has it, as JSON, "" for a person.
    """

    id: str
    pool: str
    user: str
    purpose: str
    asked: float
    seen: float
    wanted: float
    build: str = ""
    change: str = ""
    priority: int = 0
    lease: float = 0.0
    holder: str = ""
