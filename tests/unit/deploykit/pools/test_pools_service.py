"""Pools over HTTP, by their own client: who shows a token has what is theirs, and no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from deploykit.base.errors import DeployKitError, Refused
from deploykit.base.webcall import CallRefused
from deploykit.pools import State
from deploykit.pools.client import PoolClient
from deploykit.pools.server import Server
from deploykit.web.poolservice import digest_of, make_pool_app
from deploykit.web.protection import WRITING, Protection
from deploykit.web.serving import Address, AppServer, listen_at
from poolhands import PoolHouse, names


@contextmanager
def served(house: PoolHouse) -> Iterator[str]:
    """The address of a service of these pools, with tokens of ada and bob."""
    with house.desk.store.writing() as state:
        for user in ("ada", "bob"):
            state.put_token(digest_of(f"token of {user}"), user, house.now)
    pools: Any = SimpleNamespace(config=house.config, store=house.desk.store, desk=house.desk)
    with listen_at(Address("127.0.0.1", 0)) as listening:
        server = AppServer(Protection(make_pool_app(pools), (), WRITING))
        thread = threading.Thread(target=server.run, args=(listening,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.end()
        thread.join(30)


@pytest.fixture
def server(pools: PoolHouse) -> Server:
    """A server of pools of which two pods are ready."""
    made = pools.server()
    pools.rounds(made, lambda: pools.states() == {"ready": 2})
    return made


def test_block_has_a_pod_that_is_renewed_and_given_back(pools: PoolHouse, server: Server) -> None:
    with served(pools) as url, PoolClient(url, "token of ada").pod("small", "try", 0.05) as pod:
        (held,) = pools.members(State.HELD)
        assert (pod["name"], pod["ssh_config"]) == (held.name, "/ssh_config")
        assert (held.user, held.lease) == ("ada", pools.now + 600)
        pools.pass_by(300)
        pools.rounds(server, lambda: pools.members(State.HELD)[0].lease > held.lease)
    assert pools.members(State.HELD) == []


def test_who_has_no_token_can_only_read_and_others_pods_are_not_theirs(
    pools: PoolHouse, server: Server
) -> None:
    with served(pools) as url:
        for token in ("", "another"):
            with pytest.raises(CallRefused, match="401"):
                PoolClient(url, token).reserve("small", "try")
        pod = PoolClient(url, "token of ada").reserve("small", "try")
        bob = PoolClient(url, "token of bob")
        for call in (bob.renew, bob.release):
            with pytest.raises(CallRefused, match="404"):
                call(pod["name"])
        (held,) = pools.members(State.HELD)
        with pytest.raises(CallRefused, match="404"):
            bob._call("GET", f"reservations/{held.request}")
        assert requests.get(url, headers={"Host": "evil.example.org"}, timeout=9).status_code == 400
        assert requests.put(url, timeout=9).status_code == 405
    assert names(pools.members(State.HELD)) == [pod["name"]]


def test_who_waits_too_long_waits_no_more(pools: PoolHouse) -> None:
    pools.hands.fail = "no"
    with served(pools) as url, pytest.raises(Refused, match="no pod of small"):
        PoolClient(url, "token of ada").reserve("small", "try", patience=0.0)
    with pools.desk.store.reading() as state:
        assert state.requests() == []


def test_pool_that_is_none_is_told(pools: PoolHouse) -> None:
    with served(pools) as url, pytest.raises(DeployKitError, match="404"):
        PoolClient(url, "token of ada").reserve("smal", "try")


def test_page_and_json_show_pools_holders_and_the_queue(pools: PoolHouse, server: Server) -> None:
    pools.ask("ada", purpose="<script>")
    pools.ask("ada")
    pools.ask("bob", purpose="waits for it")
    with served(pools) as url:
        page = requests.get(url, headers={"Accept": "text/html"}, timeout=9)
        found = requests.get(url, headers={"Accept": "application/json"}, timeout=9).json()
        described = requests.get(f"{url}/openapi.json", timeout=9).json()
    assert page.status_code == 200 and "&lt;script&gt;" in page.text
    assert "waits for it" in page.text and "<script>" not in page.text
    assert [one["held"] for one in found["pools"]] == [2]
    assert [one["user"] for one in found["waiting"]] == ["bob"]
    assert set(described["paths"]) == {
        "/", "/reservations", "/reservations/{request}", "/pods/{name}/renew",
        "/pods/{name}/keep", "/pods/{name}/release",
    }  # fmt: skip
