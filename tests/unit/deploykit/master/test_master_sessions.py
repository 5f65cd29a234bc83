"""One session per master, also for two threads at once; none is left open or half open."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from deploykit.base.errors import NodeUnreachable
from deploykit.master.sessions import Masters
from deploykit.nodes.inventory import Inventory

ALPHA, BETA = (cast(Inventory, SimpleNamespace(instance=name)) for name in ("alpha", "beta"))
SOON = 10.0  # seconds


class Network:
    """Opens sessions, and knows which are open; `broken` masters do not open."""

    def __init__(self) -> None:
        self.opened: list[Connection] = []
        self.broken: set[str] = set()
        self.stubborn: set[str] = set()  # closing these raises
        self.gate = threading.Event()  # sessions open when it is set
        self.gate.set()

    def __call__(self, inventory: Inventory, log: Path) -> Connection:
        return Connection(self, inventory.instance)

    def open_now(self) -> list[str]:
        return [one.name for one in self.opened if one.alive]


class Connection:
    def __init__(self, network: Network, name: str) -> None:
        self.network, self.name, self.alive = network, name, False

    def __enter__(self) -> Connection:
        assert self.network.gate.wait(SOON)
        if self.name in self.network.broken:
            raise NodeUnreachable(f"{self.name} does not answer")
        self.alive = True
        self.network.opened.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        self.alive = False
        if self.name in self.network.stubborn:
            raise OSError(f"{self.name} does not close")

    def call(self, name: str, /, **arguments: Any) -> Any:
        return {"current": self.name}


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def masters(network: Network, tmp_path: Path) -> Masters:
    return Masters(tmp_path.joinpath, network)


def test_second_question_uses_the_session_of_the_first(network: Network, masters: Masters) -> None:
    assert [masters.master(ALPHA).current() for _ in range(2)] == ["alpha", "alpha"]
    assert masters.master(BETA).current() == "beta"
    assert network.open_now() == ["alpha", "beta"]


def test_threads_that_ask_at_once_share_one_session(network: Network, masters: Masters) -> None:
    network.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(masters.master, ALPHA) for _ in range(4)]
        threading.Event().wait(0.1)
        network.gate.set()
        assert [one.result(SOON).current() for one in asking] == ["alpha"] * 4
    assert network.open_now() == ["alpha"]


def test_master_that_is_slow_to_open_keeps_no_other_waiting(
    network: Network, masters: Masters
) -> None:
    masters.master(BETA)
    network.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(masters.master, ALPHA)
        assert masters.master(BETA).current() == "beta"
        assert not slow.done()
        network.gate.set()
        slow.result(SOON)


def test_session_that_failed_to_open_leaves_nothing_and_is_tried_anew(
    network: Network, masters: Masters
) -> None:
    network.broken.add("alpha")
    for _ in range(2):
        with pytest.raises(NodeUnreachable):
            masters.master(ALPHA)
    network.broken.clear()
    assert masters.master(ALPHA).current() == "alpha"
    assert network.open_now() == ["alpha"]


def test_lost_connection_is_opened_anew(network: Network, masters: Masters) -> None:
    masters.master(ALPHA)
    network.opened[0].alive = False
    masters.master(ALPHA)
    assert len(network.opened) == 2
    assert network.open_now() == ["alpha"]


def test_closed_session_is_opened_anew(network: Network, masters: Masters) -> None:
    masters.close("alpha")
    masters.master(ALPHA)
    masters.close("alpha")
    assert network.open_now() == []
    assert masters.master(ALPHA).current() == "alpha"


def test_end_closes_every_session_although_one_does_not_close(
    network: Network, masters: Masters
) -> None:
    with pytest.raises(OSError, match="beta does not close"), masters:
        masters.master(ALPHA)
        masters.master(BETA)
        network.stubborn.add("beta")
    assert network.open_now() == []


def test_session_that_opens_while_the_end_comes_is_closed_too(
    network: Network, masters: Masters
) -> None:
    network.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        late = pool.submit(masters.master, ALPHA)
        threading.Event().wait(0.1)
        ending = pool.submit(masters.__exit__)
        network.gate.set()
        ending.result(SOON)
        assert late.done() or late.exception(SOON) is not None
    assert network.open_now() == []
    with pytest.raises(RuntimeError, match="closed"):
        masters.master(ALPHA)
