"""Pools with hands that pretend: pods are names in a dict, and go wrong as a test says.

`PoolHouse` is one state with as many servers and desks as a test wants, by a clock that it sets.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploykit.base.errors import DeployKitError
from deploykit.base.waiting import wait_until
from deploykit.pods import Pod, Wanted
from deploykit.pools import Member, PoolSpec, State
from deploykit.pools.config import Config, read_config
from deploykit.pools.deciding import Clocks
from deploykit.pools.desk import Desk, Wish
from deploykit.pools.machine import MachineLook
from deploykit.pools.nodes import Found
from deploykit.pools.schema import PODS
from deploykit.pools.server import Server, Surroundings
from deploykit.pools.store import Store
from deploykit.providers import parse_instance

GIB = 2**30
FAR = datetime(2099, 1, 1, tzinfo=UTC)
PATIENCE = 100.0  # seconds: a busy machine takes long for a thread
POOLS = """\
hosts:
  one: {provider: fake, memory: 8G, pods: 8, starts: 8}
users:
  default: {pods: 3}
  gate: {pods: 4, priority: 10}
pools:
  small: {environment: test, bare: true, memory: 1G, ready: 2, max: 4, max_age: 1d}
"""


@dataclass
class Hands:
    """Nodes that pretend. `there`: the instances that are, with who has them; `fail` says why
    making fails ("" if it does not), `stay` why taking away does; `sick` are not well. While
    `held_up` is set, making waits."""

    there: dict[str, Found] = field(default_factory=dict)
    fail: str = ""
    half_made: bool = False
    stay: str = ""
    sick: set[str] = field(default_factory=set)
    made: list[str] = field(default_factory=list)
    targets: str = "r1"
    go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    def target(self, spec: PoolSpec) -> str:
        return self.targets

    def make(self, member: Member, spec: PoolSpec) -> str:
        assert self.go_on.wait(20)
        if not self.fail or self.half_made:
            self.put(member.instance, spec.name)
        if self.fail:
            raise DeployKitError(self.fail)
        self.made.append(member.instance)
        return json.dumps({"ssh_config": "/ssh_config", "nodes": [], "environment": {}})

    def put(self, instance: str, pool: str, **wanted: str | datetime) -> None:
        """A pod that is there, known or not."""
        now = datetime.now(UTC)
        until = wanted.pop("until", FAR)
        said = Wanted(
            str(wanted.get("user", "")), str(wanted.get("purpose", f"pool {pool}")), until
        )
        pod = Pod(parse_instance(instance), "fake", "", now, said)
        self.there[instance] = Found(pod, pool, str(wanted.get("protected", "")))

    def discard(self, member: Member) -> None:
        if self.stay:
            raise DeployKitError(self.stay)
        self.there.pop(member.instance, None)

    def is_well(self, member: Member) -> bool:
        return member.instance not in self.sick and member.instance in self.there

    def tag(self, member: Member, spec: PoolSpec) -> None:
        found = self.there[member.instance]
        until = datetime.fromtimestamp(max(member.until, member.kept), UTC)
        said = Wanted(member.user, member.purpose or f"pool {member.pool}", until)
        pod = Pod(found.pod.instance, "fake", "", found.pod.created, said)
        self.there[member.instance] = Found(pod, found.pool, member.protected)

    def found(self, host: str) -> dict[str, Found]:
        return dict(self.there)

    def latency(self, host: str) -> float:
        return 0.01


@dataclass
class PoolHouse:
    """The state at `url` with the pools of `text`; `now` and `steady` in seconds."""

    url: str
    folder: Path
    text: str = POOLS
    hands: Hands = field(default_factory=Hands)
    now: float = 1_800_000_000.0
    steady: float = 0.0
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        file = self.folder / "pools.yml"
        file.write_text(self.text)
        self.config: Config = read_config(file, {"test"})
        self.stores: list[Store] = []
        self.desk = self.new_desk()

    def new_store(self) -> Store:
        self.stores.append(Store(self.url))
        return self.stores[-1]

    def new_desk(self) -> Desk:
        return Desk(self.config, self.new_store(), lambda: self.now)

    def server(self, hands: Hands | None = None) -> Server:
        """One more server, with connections of its own."""
        clocks = Clocks(lambda: self.now, lambda: self.steady)
        around = Surroundings(clocks, lambda: MachineLook(0.2, 0.0, 16 * GIB, 12 * GIB), self.sleep)
        return Server(
            self.config, self.new_store(), hands or self.hands, list(self.config.hosts),
            self.said.append, around,
        )  # fmt: skip

    def sleep(self, seconds: float) -> None:
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds

    def rounds(self, server: Server, until: Callable[[], bool], seconds: float = 1.0) -> None:
        """Rounds of a server, so many seconds apart, until something is true."""

        def once() -> bool:
            server.round()
            self.pass_by(seconds)
            return until()

        assert wait_until(once, PATIENCE, pause=0.01), (self.states(), self.said)

    def members(self, state: State | None = None) -> list[Member]:
        with self.desk.store.reading() as reading:
            return reading.members(*([PODS.c.state == state.value] if state else []))

    def states(self) -> dict[str, int]:
        """How many pods there are in each state."""
        found: dict[str, int] = {}
        for member in self.members():
            found[member.state.value] = found.get(member.state.value, 0) + 1
        return found

    def ask(self, user: str = "ada", **more: object) -> tuple[str, Member | None]:
        wish = {"pool": "small", "purpose": "try", "wanted": 3600.0, **more}
        return self.desk.ask(Wish(user=user, **wish))  # type: ignore[arg-type]

    def close(self) -> None:
        for store in self.stores:
            store.close()


@contextmanager
def house(url: str, folder: Path, **more: object) -> Iterator[PoolHouse]:
    """A house that is closed afterwards."""
    made = PoolHouse(url, folder, **more)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


def names(members: Iterable[Member]) -> list[str]:
    return [member.name for member in members]


def race(url: str, folder: str, count: int, results: Any) -> None:
    """In a process of its own: ask and give back again and again; `results` is a queue of names."""
    with house(url, Path(folder)) as mine:
        for _ in range(count):
            request, pod = mine.ask(f"process {os.getpid()}")
            if pod is None:
                pod = mine.desk.withdraw(request)
            if pod is not None:
                results.put(pod.name)
