"""Which node a database comes back from, and in which order nodes follow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deploykit.master.remote import database, environment
from deploykit.master.remote.protocol import AgentError
from deploykit.master.remote.salt_master import printed_by

OLD = {"name": "20261129T080000Z", "time": 1795939200, "reaches": 1795942800}  # to 09:00
NEW = {"name": "20261129T083000Z", "time": 1795941000, "reaches": 1795941000}


class Nodes:
    """Database nodes that answer as `told` says; what runs on them is kept, in its order."""

    def __init__(self, told: dict[str, list[Any]], silent: tuple[str, ...] = ()) -> None:
        self.told, self.silent = told, silent
        self.ran: list[tuple[tuple[str, ...], str]] = []

    def absent(self, minions: list[str]) -> list[str]:
        return [name for name in minions if name in self.silent]

    def run(self, minions: list[str], words: list[str], seconds: int) -> dict[str, str]:
        program = words[0].rpartition("/")[2]
        if words[1:] == ["list"]:
            return {
                name: json.dumps({"node": name, "stale": 9, "backups": self.told[name]})
                for name in minions
            }
        self.ran.append((tuple(minions), " ".join([program, *words[1:]])))
        return {name: json.dumps({"backup": "b", "to": "t"}) for name in minions}


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = {name: {"roles": ["database"]} for name in ("one", "two", "three")}
    nodes["compute"] = {"roles": ["hypervisor"]}
    nodes |= {name: {"roles": ["cache"]} for name in ("cache1", "cache2")}
    monkeypatch.setattr(environment, "describe", lambda: {"nodes": nodes})


def test_one_node_gets_the_data_and_the_others_take_them_from_it(region: None) -> None:
    nodes, steps = Nodes({"one": [], "two": [OLD], "three": []}), list[str]()
    done = database.restore(nodes, "20261129T084500Z", steps.append)
    assert nodes.ran == [
        (("two",), "mariadb-backups prepare 20261129T084500Z"),
        (("one", "three"), "mariadb-backups leave"),
        (("two",), "mariadb-backups switch"),
        (("one",), "systemctl start mariadb"),
        (("one",), "mariadb-cluster synced 300"),
        (("three",), "systemctl start mariadb"),
        (("three",), "mariadb-cluster synced 300"),
        (("cache1", "cache2"), "systemctl restart memcached"),
    ]
    assert done == {"node": "two", "others": ["one", "three"], "backup": "b", "to": "t"}
    assert len(steps) == 6


def test_cache_that_does_not_answer_is_told_and_stops_nothing(region: None) -> None:
    nodes = Nodes({"one": [], "two": [OLD], "three": []}, silent=("cache1",))
    steps = list[str]()
    database.restore(nodes, "20261129T084500Z", steps.append)
    assert nodes.ran[-1] == (("cache2",), "systemctl restart memcached")
    assert steps[-1].startswith("cache1: no answer; restart memcached there")


def test_database_of_one_node_needs_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    described = {"nodes": {"one": {"roles": ["database"]}}}
    monkeypatch.setattr(environment, "describe", lambda: described)
    nodes = Nodes({"one": [OLD]})
    database.restore(nodes, "", lambda step: None)
    assert [act for _, act in nodes.ran] == ["mariadb-backups prepare", "mariadb-backups switch"]


def test_silent_node_stops_it_before_anything_is_touched(region: None) -> None:
    nodes = Nodes({"one": [], "two": [OLD], "three": []}, silent=("three",))
    with pytest.raises(AgentError, match="three: no answer"):
        database.restore(nodes, "20261129T084500Z", lambda step: None)
    assert nodes.ran == []
    assert [one["node"] for one in database.listed(nodes) if one.get("silent")] == ["three"]


def test_moment_that_nothing_leads_to_names_what_there_is(region: None) -> None:
    nodes = Nodes({"one": [NEW], "two": [OLD], "three": []})
    with pytest.raises(AgentError, match="no backup leads to 20261129T093000Z") as error:
        database.restore(nodes, "20261129T093000Z", lambda step: None)
    assert "20261129T080000Z to 20261129T090000Z on two" in error.value.remedy
    assert nodes.ran == []


def test_newest_backup_that_leads_there_is_taken_and_a_name_is_that_backup() -> None:
    found = [{"node": "one", "backups": [NEW]}, {"node": "two", "backups": [OLD]}]
    assert database.source(found, "20261129T083000Z") == "one"  # its name
    assert database.source(found, "20261129T083001Z") == "two"
    assert database.source(found, "") == "two"  # leads further
    with pytest.raises(AgentError, match="is no time"):
        database.source(found, "yesterday")


def test_program_that_fails_on_a_node_is_told_with_its_reason() -> None:
    assert printed_by("one", {"retcode": 0, "stdout": "out", "stderr": ""}) == "out"
    with pytest.raises(AgentError, match="one: no backup"):
        printed_by("one", {"retcode": 1, "stdout": "", "stderr": "no backup\n"})
    with pytest.raises(AgentError, match="one: the minion did not answer"):
        printed_by("one", None)
