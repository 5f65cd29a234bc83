"""Exporters of our own: figures as Prometheus reads them, and what they say of who is away."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from jsonapi import JsonApi
from loosemodule import module_of

CHECKOUT = Path(__file__).resolve().parents[3]
STATES = CHECKOUT / "salt/states"
PROMTOOL = CHECKOUT / ".tools/prometheus/usr/bin/promtool"
STATS = "STAT uptime 7\r\nSTAT bytes 12\r\nSTAT get_hits 3\r\nSTAT get_misses 4\r\nEND\r\n"


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules that lie beside an exporter on its node."""
    for name in ("figures", "alive"):
        monkeypatch.setitem(sys.modules, name, module_of(STATES / f"lib/files/{name}.py"))


@pytest.fixture
def memcached(beside: None) -> ModuleType:
    return module_of(STATES / "memcached/files/exporter.py")


@pytest.fixture
def openstack(beside: None) -> ModuleType:
    return module_of(STATES / "openstack_exporter/files/exporter.py")


def lines(text: str) -> set[str]:
    """The figures of a text that promtool takes."""
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "error while linting" not in done.stderr, done.stderr
    assert done.returncode in (0, 3), done.stderr  # 3: names that others would give
    return {line for line in text.splitlines() if not line.startswith("#")}


@pytest.fixture
def cache() -> Iterator[int]:
    """The port of something that answers `stats` as memcached does, once for each client."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(100)
                    client.sendall(STATS.encode())

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_cache_that_answers_is_up_with_its_figures(memcached: ModuleType, cache: int) -> None:
    assert lines(memcached.figures("127.0.0.1", cache).text()) == {
        "memcached_up 1",
        "memcached_uptime_seconds 7",
        "memcached_current_bytes 12",
        'memcached_commands_total{command="get",status="hit"} 3',
        'memcached_commands_total{command="get",status="miss"} 4',
    }


def test_cache_that_is_away_is_told_and_no_figure_is_made_up(memcached: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert lines(memcached.figures("127.0.0.1", port).text()) == {"memcached_up 0"}


def test_label_with_quotes_and_line_ends_is_escaped(beside: None) -> None:
    told = sys.modules["figures"].Figures()
    told.add("a_figure", 1, "What it is.", host='a"b\\c\nd')
    assert lines(told.text()) == {'a_figure{host="a\\"b\\\\c\\nd"} 1'}


class Api(JsonApi):
    """keystone and nova of a region; `state` is what its tests change."""

    token = "first"
    state = "up"

    def do_POST(self) -> None:
        where = f"http://{self.headers['Host']}"
        service = {
            "type": "compute",
            "endpoints": [
                {"interface": "public", "url": "http://for.outsiders/v2.1"},
                {"interface": "internal", "url": f"{where}/v2.1"},
            ],
        }
        body = {"token": {"catalog": [service]}}
        self.answer(201, body, {"X-Subject-Token": type(self).token})

    def do_GET(self) -> None:
        if self.headers["X-Auth-Token"] != type(self).token:
            return self.answer(401, {})
        row = {"binary": "nova-compute", "host": "compute1", "status": "enabled"}
        row |= {"state": type(self).state, "updated_at": "2026-11-29T08:00:00"}
        off = {**row, "host": "compute2", "status": "disabled", "state": "down"}
        return self.answer(200, {"services": [row, off]})


@pytest.fixture
def api() -> Iterator[ThreadingHTTPServer]:
    Api.token, Api.state = "first", "up"
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def region_at(openstack: ModuleType, port: int) -> object:
    account = dict.fromkeys(("username", "password", "project_name"), "monitoring")
    account |= {"user_domain_name": "Default", "project_domain_name": "Default"}
    return openstack.Region({**account, "auth_url": f"http://127.0.0.1:{port}/v3"})


def figures(openstack: ModuleType, region: object) -> set[str]:
    found = lines(openstack.figures(region).text())
    return {line for line in found if not line.startswith("openstack_api_seconds")}


def test_agents_are_told_as_their_api_knows_them(
    openstack: ModuleType, api: ThreadingHTTPServer
) -> None:
    region = region_at(openstack, api.server_port)
    one = 'service="compute",binary="nova-compute",host="compute1"'
    two = 'service="compute",binary="nova-compute",host="compute2"'
    assert figures(openstack, region) == {
        "openstack_login_up 1",
        'openstack_api_up{service="compute"} 1',
        f"openstack_agent_up{{{one}}} 1",
        f"openstack_agent_enabled{{{one}}} 1",
        f"openstack_agent_up{{{two}}} 0",
        f"openstack_agent_enabled{{{two}}} 0",
    }
    Api.state = "down"
    assert f"openstack_agent_up{{{one}}} 0" in figures(openstack, region)


def test_token_that_ended_is_replaced(openstack: ModuleType, api: ThreadingHTTPServer) -> None:
    region = region_at(openstack, api.server_port)
    region.enter()  # type: ignore[attr-defined]
    Api.token = "second"
    url = f"http://127.0.0.1:{api.server_port}/v2.1/os-services"
    assert region.document(url)["services"]  # type: ignore[attr-defined]


def test_services_are_told_down_by_their_last_known_places_while_keystone_is_away(
    openstack: ModuleType,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    region = region_at(openstack, port)
    region.catalogue = {"compute": f"http://127.0.0.1:{port}/v2.1"}  # type: ignore[attr-defined]
    assert figures(openstack, region) == {
        "openstack_login_up 0",
        'openstack_api_up{service="compute"} 0',
    }


def test_figures_are_served_at_their_path_and_nothing_else_is(beside: None) -> None:
    module = sys.modules["figures"]
    told = module.Figures()
    told.add("a_figure", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    threading.Thread(
        target=module.serve, args=("127.0.0.1", port, lambda: told), daemon=True
    ).start()
    url = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
                assert lines(answer.read().decode()) == {"a_figure 1"}
                break
        except urllib.error.URLError:
            threading.Event().wait(0.05)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{url}/etc/passwd", timeout=10)
