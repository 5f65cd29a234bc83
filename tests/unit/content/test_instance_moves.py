"""salt/nodes/moves.py: instances leave a hypervisor of a region whose nova is a small one here.

It answers as nova does: what is asked for begins with a task, which some looks later is over, with
the instance elsewhere or, where it `fails`, where it was.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from jsonapi import JsonApi
from loosemodule import module_of

HERE, THERE = "compute1", "compute2"
HOST, TASK = "OS-EXT-SRV-ATTR:host", "OS-EXT-STS:task_state"
LOOKS = 2  # until a task is over; `never` never is
WHY = "No valid host was found. There are not enough hosts available."


class Nova(JsonApi):
    """Instances and one service; `asked` has each action in turn."""

    servers: dict[str, dict[str, Any]]
    service: dict[str, Any]
    asked: list[tuple[str, str]]

    @classmethod
    def has(cls, name: str, status: str, **more: Any) -> None:
        cls.servers[f"id-{name}"] = {
            "id": f"id-{name}", "name": name, "status": status, HOST: HERE, TASK: None,
            "left": 0, "then": {}, "fails": False, "never": False, **more,
        }  # fmt: skip

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        words = url.path.removeprefix("/compute").strip("/").split("/")
        if words == ["os-services"]:
            return self.answer(200, {"services": [self.service]})
        if words == ["servers", "detail"]:
            (host,) = parse_qs(url.query)["host"]
            return self.answer(
                200, {"servers": [s for s in self.servers.values() if s[HOST] == host]}
            )
        server = self.servers[words[1]]
        if words[2:] == ["migrations"]:
            size = {"memory_total_bytes": 400, "memory_processed_bytes": 100}
            return self.answer(200, {"migrations": [{"id": 7, **size}] if server[TASK] else []})
        if words[2:] == ["os-instance-actions"]:
            return self.answer(200, {"instanceActions": [{"request_id": "req-1"}]})
        if words[2:3] == ["os-instance-actions"]:
            return self.answer(
                200, {"instanceAction": {"events": [{"result": "Error", "details": WHY}]}}
            )
        if server[TASK] and not server["never"]:
            server["left"] -= 1
            if server["left"] < 0:
                server.update(server["then"])
        return self.answer(200, {"server": server})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0)) or 0))
        if "tokens" in self.path:
            url = f"http://127.0.0.1:{self.server.server_address[1]}/compute"
            entry = {"type": "compute", "endpoints": [{"interface": "internal", "url": url}]}
            return self.answer(200, {"token": {"catalog": [entry]}}, {"X-Subject-Token": "it"})
        assert self.headers["X-OpenStack-Nova-API-Version"] == "2.84"
        server = self.servers[self.path.split("/")[3]]
        (action,) = body
        self.asked.append((server["name"], action))
        was = server["status"]
        task, then = {
            "os-migrateLive": ("migrating", {"status": was, HOST: THERE}),
            "migrate": ("resize_prep", {"status": "VERIFY_RESIZE", HOST: THERE}),
            "confirmResize": (None, {}),
            "evacuate": ("rebuilding", {"status": was, HOST: THERE}),
        }[action]
        if server["fails"]:
            then = {"status": was, HOST: HERE}
        server.update({TASK: task, "left": LOOKS, "then": {**then, TASK: None}})
        if action == "os-migrateLive":
            assert body[action] == {"host": None, "block_migration": "auto"}
            server["status"] = "MIGRATING"
        if action == "confirmResize":
            server["status"] = "SHUTOFF"
        return self.answer(200, {})

    def do_PUT(self) -> None:
        if self.service.get("holds_evacuated"):  # until nova-compute starts again
            return self.answer(400, {"badRequest": {"message": "Unable to force up host"}})
        self.service.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        return self.answer(200, {"service": self.service})

    def do_DELETE(self) -> None:
        server = self.servers[self.path.split("/")[3]]
        self.asked.append((server["name"], "abort"))
        server.update({TASK: None, "status": "ACTIVE"})
        self.answer(200, {})


@pytest.fixture
def moves(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(checkout / "salt" / "nodes")
    found = module_of(checkout / "salt" / "nodes" / "moves.py")
    monkeypatch.setattr(found, "PAUSE", 0.01)
    return found


@pytest.fixture
def nova() -> Iterator[type[Nova]]:
    here: Any = type("Here", (Nova,), {})
    here.servers, here.asked = {}, []
    here.service = {
        "id": "s-1", "status": "enabled", "state": "up", "disabled_reason": None,
        "forced_down": False,
    }  # fmt: skip
    with ThreadingHTTPServer(("127.0.0.1", 0), here) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here.url = f"http://127.0.0.1:{server.server_address[1]}/v3"
        yield here
        server.shutdown()


def run(moves: ModuleType, nova: Any, how: str, *words: Any) -> None:
    known = moves.region
    session = known.Session(nova.url, known.credentials("admin", "secret"))
    getattr(moves, how)(moves.Nova(session), HERE, *words)


def said(capsys: pytest.CaptureFixture[str], key: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if key in line]


def test_what_runs_moves_as_it_runs_and_what_is_stopped_is_copied_and_confirmed(
    moves: ModuleType, nova: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    nova.has("web", "ACTIVE")
    nova.has("old", "SHUTOFF")
    run(moves, nova, "empty", 60, "for a kernel")
    assert nova.service["status"] == "disabled"
    assert nova.service["disabled_reason"] == "for a kernel"
    assert nova.asked == [("web", "os-migrateLive"), ("old", "migrate"), ("old", "confirmResize")]
    assert {server[HOST] for server in nova.servers.values()} == {THERE}
    assert nova.servers["id-old"]["status"] == "SHUTOFF"
    moved = said(capsys, "moved")
    assert [(one["moved"], one["to"]) for one in moved] == [
        ("web (id-web)", THERE), ("old (id-old)", THERE)
    ]  # fmt: skip


def test_how_far_a_live_migration_is_is_told(
    moves: ModuleType, nova: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    nova.has("web", "ACTIVE")
    run(moves, nova, "empty", 60, "why")
    assert {"note": "web: memory 25 %"} in said(capsys, "note")


def test_what_cannot_move_is_named_with_what_to_do_and_the_rest_moves(
    moves: ModuleType, nova: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    nova.has("grown", "VERIFY_RESIZE")
    nova.has("stuck", "ACTIVE", fails=True)
    nova.has("web", "ACTIVE")
    run(moves, nova, "empty", 60, "why")
    assert nova.servers["id-web"][HOST] == THERE
    stays = {one["stays"]: one["why"] for one in said(capsys, "stays")}
    assert stays == {
        "grown (id-grown)": "its status is VERIFY_RESIZE: confirm or revert its resize first",
        "stuck (id-stuck)": WHY,
    }


def test_migration_that_does_not_end_in_time_is_ended_and_nothing_more_begins(
    moves: ModuleType, nova: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    nova.has("busy", "ACTIVE", never=True)
    nova.has("web", "ACTIVE")
    began = time.monotonic()
    run(moves, nova, "empty", 0.3, "why")
    assert time.monotonic() - began < 20
    assert nova.asked == [("busy", "os-migrateLive"), ("busy", "abort")]
    stays = {one["stays"]: one["why"] for one in said(capsys, "stays")}
    assert stays == {
        "busy (id-busy)": "the time was over; its migration was ended",
        "web (id-web)": "the time was over",
    }


def test_who_closed_the_hypervisor_before_keeps_their_reason(
    moves: ModuleType, nova: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    nova.service.update(status="disabled", disabled_reason="its fan")
    run(moves, nova, "empty", 60, "why")
    assert nova.service["disabled_reason"] == "its fan"
    assert said(capsys, "closed") == [{"closed": False}]


def test_dead_hypervisor_is_not_emptied_but_evacuated(moves: ModuleType, nova: Any) -> None:
    nova.service["state"] = "down"
    nova.has("web", "ACTIVE")
    nova.has("old", "SHUTOFF")
    with pytest.raises(SystemExit, match="evacuated"):
        run(moves, nova, "empty", 60, "why")
    assert nova.asked == []
    run(moves, nova, "evacuate", 60, "it burns")
    assert nova.service["forced_down"] is True
    assert nova.asked == [("web", "evacuate"), ("old", "evacuate")]
    assert {server[HOST] for server in nova.servers.values()} == {THERE}


def test_hypervisor_that_is_back_is_open_and_no_longer_said_to_be_down(
    moves: ModuleType, nova: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    nova.service.update(status="disabled", disabled_reason="its fan", forced_down=True)
    run(moves, nova, "back")
    assert (nova.service["status"], nova.service["forced_down"]) == ("enabled", False)
    assert said(capsys, "note") == [{"note": "it was closed: its fan"}]


@pytest.mark.parametrize("minion", ["started", "broken", "silent"])
def test_hypervisor_that_was_only_cut_off_gives_up_what_began_anew_elsewhere(
    moves: ModuleType, nova: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minion: str
) -> None:
    """Nova takes it back once nova-compute was started again, which is done by Salt."""
    nova.service.update(status="disabled", forced_down=True, holds_evacuated=True)
    started = tmp_path / "started"
    says = {"started": '{"compute1": true}', "broken": '{"compute1": "no unit"}', "silent": "{}"}
    salt = tmp_path / "salt"
    salt.write_text(f"#!/bin/sh\necho \"$@\" >>{started}\necho '{says[minion]}'\n")
    salt.chmod(0o755)
    monkeypatch.setattr(moves, "SALT", salt)
    restart = moves.restart

    def restarted(node: str) -> None:
        restart(node)
        nova.service["holds_evacuated"] = False

    monkeypatch.setattr(moves, "restart", restarted)
    if minion == "started":
        run(moves, nova, "back")
        assert (nova.service["status"], nova.service["forced_down"]) == ("enabled", False)
    else:
        with pytest.raises(SystemExit, match=r"could not be started again: no (unit|answer)"):
            run(moves, nova, "back")
    (line,) = started.read_text().splitlines()
    assert line.endswith("compute1 service.restart nova-compute")


def test_hypervisor_that_is_open_and_down_is_told(
    moves: ModuleType, nova: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "REPORTING", 0.05)
    nova.service.update(state="down")
    with pytest.raises(SystemExit, match="nova-compute on compute1 is down"):
        run(moves, nova, "back")
