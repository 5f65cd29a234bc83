"""The facade and the agent are two ends of one wire: each call must be one that the agent takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deploykit.master.facade import Master, StateEvent
from deploykit.master.remote.agent import CALLS, Agent
from deploykit.nodes.inventory import Host, Inventory
from deploykit.site.environment import load_environments

FILE = """name: test
networks: {lan: {cidr: 10.9.0.0/24}}
nodes: {salt: {roles: [master], at: 10}}
deploy: {batch: 20%}
"""
EVENT = {"minion": "salt", "state": "motd", "result": True, "changed": False, "comment": "as is"}
RUN = {
    "failed": [
        {"state": "b", "comment": "One or more requisite failed: a"},
        {"state": "a", "comment": "Failed parsing", "printed": "x : Timed out after 60 seconds"},
    ],
    "changed": [],
    "total": 2,
    "files": [],
}  # fmt: skip
ANSWERS = {
    "orchestrate": {"steps": [], "failures": RUN["failed"]},
    "highstate": {"salt": RUN},
    "test_states": {"salt": RUN},
    "secrets_give_values": {"names": ["corporate"]},
    "apply": {"salt": {**RUN, "changes": [{"state": "a", "told": "new"}]}},
}
CAUSE = {"state": "a", "comment": "it takes longer than 60 s"}  # and it comes first


class Wire:
    """Takes a call as the agent would, and keeps its name; every call tells of one state."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.batch: dict[str, int] = {}

    def call(
        self,
        name: str,
        /,
        *,
        timeout: float,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        payload: bytes = b"",
        **arguments: Any,
    ) -> Any:
        assert timeout > 0
        given = {**arguments, "payload": len(payload)} if payload else arguments
        inspect.signature(getattr(Agent, name)).bind(None, **given)
        self.names.append(name)
        self.batch |= arguments.get("batch", {})
        if on_event is not None:
            on_event({"step": "prepared"} if name == "database_restore" else EVENT)
        return ANSWERS.get(name, {"current": None, "secrets": False})


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    (tmp_path / "test.yml").write_text(FILE)
    host = Host("salt", ("master",), "192.0.2.1", "root", {"lan": "10.9.0.10"}, ())
    environment = load_environments(tmp_path)["test"]
    return Inventory(environment, environment.instance, (host,), tmp_path / "key", tmp_path)


def test_every_call_of_the_facade_is_one_that_the_agent_takes(inventory: Inventory) -> None:
    wire, seen = Wire(), list[StateEvent]()
    master = Master(wire)
    assert master.current() is None
    assert master.look() == {"current": None, "secrets": False}
    wire.names.remove("hello")  # both ask it
    master.make_current("d")
    master.fence(1)
    master.has_kit("d")
    master.put_kit_file("d", "kit.tar", b"bytes")
    master.install_kit("d", "kit.tar", "signers")
    master.put_working_copy(b"bytes")
    master.write_environment("d", inventory, {"chrony": {"upstream": ["ntp"]}})
    master.wait_for(["salt"], 3)
    report = master.orchestrate("d", inventory, {"master": []}, seen.append)
    assert report["failures"][0] == CAUSE
    assert master.highstate("d", ["salt"], seen.append)["salt"]["failed"][0] == CAUSE
    assert master.apply("d", ["salt"], [], seen.append)["salt"]["failed"][0] == CAUSE
    assert master.test_states("d", ["salt"])["salt"]["failed"][0] == CAUSE
    master.owned("d", ["salt"])
    master.mark_secrets(b"key")
    master.list_secrets()
    master.rotate_secrets([])
    master.undo_rotation()
    master.export_secrets()
    master.secrets_fingerprint()
    master.differing_secrets({})
    master.restore_secrets({}, "test", [])
    steps: list[str] = []
    master.alerts()
    master.give_certificate("public_tls", "CHAIN", "KEY")
    master.give_values("people", {"corporate": "PASSWORD"})
    master.forget_certificate("public_tls")
    master.list_backups()
    master.backup_database("by hand")
    master.restore_database("20261129T080000Z", steps.append)
    assert sorted(wire.names) == sorted(CALLS)
    assert seen == [EVENT] * 3
    assert wire.batch == {"batch_percent": 20}
