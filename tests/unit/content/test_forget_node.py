"""salt/nodes/forget.py: a node's records go out of nova and neutron, and never with instances."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonapi import JsonApi
from loosemodule import module_of

NODE = "compute2"


class Region(JsonApi):
    """As much of the region's API as is asked: what it has is in `rows`, requests in `asked`."""

    rows: dict[str, list[dict[str, Any]]]
    asked: list[tuple[str, str]]

    def do_POST(self) -> None:
        base = f"http://127.0.0.1:{self.server.server_address[1]}"
        catalog = [
            {"type": kind, "endpoints": [{"interface": "internal", "url": f"{base}/{kind}"}]}
            for kind in ("compute", "network")
        ]
        self.answer(200, {"token": {"catalog": catalog}}, {"X-Subject-Token": "it"})

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        assert self.headers["X-Auth-Token"] == "it"
        if path.startswith("/compute"):
            assert self.headers["X-OpenStack-Nova-API-Version"] == "2.53"
        assert f"host={NODE}" in query
        key = path.rpartition("/")[2].removeprefix("os-")
        self.answer(200, {key: self.rows[key]})

    def do_DELETE(self) -> None:
        self.asked.append(("DELETE", self.path))
        self.send_response(204)
        self.end_headers()


@pytest.fixture
def forget(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(checkout / "salt" / "nodes")
    return module_of(checkout / "salt" / "nodes" / "forget.py")


def entered(forget: ModuleType, url: str) -> Any:
    """A session of the region's admin."""
    known = forget.region
    return known.Session(url, known.credentials("admin", "secret"))


@pytest.fixture
def region() -> Iterator[tuple[str, type[Region]]]:
    here = type("Here", (Region,), {})
    here.rows = {
        "servers": [],
        "services": [{"id": "s-1", "binary": "nova-compute"}],
        "agents": [{"id": "a-1", "binary": "neutron-linuxbridge-agent"}],
    }
    here.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), here) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v3", here
        server.shutdown()


def test_services_and_agents_of_the_node_go(
    forget: ModuleType, region: tuple[str, type[Region]]
) -> None:
    url, here = region
    told = list(forget.forget(entered(forget, url), NODE))
    assert told == [f"nova-compute on {NODE}", f"neutron-linuxbridge-agent on {NODE}"]
    assert here.asked == [
        ("DELETE", "/compute/os-services/s-1"),
        ("DELETE", "/network/v2.0/agents/a-1"),
    ]


def test_instances_on_the_node_are_named(
    forget: ModuleType, region: tuple[str, type[Region]]
) -> None:
    url, here = region
    assert forget.instances(entered(forget, url), NODE) == []
    here.rows["servers"] = [{"id": "i-1", "name": "first"}]
    assert forget.instances(entered(forget, url), NODE) == ["i-1 (first)"]


def test_only_nodes_whose_every_role_may_be_missing_may_go(forget: ModuleType) -> None:
    content = {"hypervisor": {"may_be_missing": True}, "database": {}}
    assert forget.needed(["hypervisor"], content) == []
    assert forget.needed(["hypervisor", "database"], content) == ["database"]
    assert forget.needed(["gone-since"], content) == ["gone-since"]


def test_identity_is_asked_where_clients_reach_it(forget: ModuleType) -> None:
    content = {"identity": {"offers": {"identity": {"public_port": 5000, "path": "/v3"}}}}
    nodes = {"c": {"roles": ["identity", "load-balancer"], "addresses": {"management": "10.0.0.9"}}}
    assert forget.region.front({"nodes": nodes}, content) == "https://10.0.0.9:5000/v3"
    shared = {"nodes": nodes, "virtual": {"management": "10.0.0.5"}}
    assert forget.region.front(shared, content) == "https://10.0.0.5:5000/v3"
    nodes["c"]["roles"] = ["cache"]
    assert forget.region.front({"nodes": nodes}, content) is None
