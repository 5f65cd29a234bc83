"""Which database node begins a cluster: decided from what all of them say, never guessed."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from loosemodule import module_of

FILE = Path(__file__).resolve().parents[3] / "salt/states/mariadb/files/cluster.py"
UUID = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"
NEW: dict[str, Any] = {"unit": "idle", "primary": False, "uuid": "", "seqno": -1, "safe": False}
DOWN = {**NEW, "uuid": UUID, "seqno": 10}
UP = {**DOWN, "unit": "active", "primary": True}


@pytest.fixture(scope="module")
def cluster() -> ModuleType:
    return module_of(FILE)


def test_first_node_begins_where_no_node_was_ever_in_a_cluster(cluster: ModuleType) -> None:
    assert cluster.founder({"b": NEW, "a": NEW, "c": NEW}) == "a"


def test_nobody_begins_beside_a_cluster_that_runs(cluster: ModuleType) -> None:
    assert cluster.founder({"a": NEW, "b": UP, "c": None}) == ""


def test_new_first_node_does_not_begin_what_others_have_the_data_of(cluster: ModuleType) -> None:
    assert cluster.founder({"a": NEW, "b": DOWN, "c": {**DOWN, "seqno": 9}}) == "b"


def test_after_an_outage_the_node_that_knows_most_begins(cluster: ModuleType) -> None:
    assert cluster.founder({"a": DOWN, "b": DOWN, "c": {**DOWN, "seqno": 11}}) == "c"


def test_of_equals_the_last_to_leave_begins_else_the_first(cluster: ModuleType) -> None:
    assert cluster.founder({"a": DOWN, "b": {**DOWN, "safe": True}, "c": DOWN}) == "b"
    assert cluster.founder({"a": DOWN, "b": DOWN, "c": DOWN}) == "a"


def test_position_counts_more_than_what_the_file_says_of_the_last_to_leave(
    cluster: ModuleType,
) -> None:
    states = {"a": {**DOWN, "safe": True}, "b": {**DOWN, "seqno": 12}}
    assert cluster.founder(states) == "b"


@pytest.mark.parametrize("state", [NEW, DOWN])
def test_silent_node_leaves_it_undecided_unless_it_is_lost(
    cluster: ModuleType, state: dict[str, Any]
) -> None:
    states = {"a": state, "b": None, "c": state}
    with pytest.raises(cluster.Undecided, match="b: no answer"):
        cluster.founder(states)
    assert cluster.founder(states, without=("b",)) == "a"


def test_node_that_starts_is_waited_for(cluster: ModuleType) -> None:
    with pytest.raises(cluster.Unsettled, match="b: the server is starting"):
        cluster.founder({"a": DOWN, "b": {**DOWN, "unit": "activating"}})


def test_nodes_of_different_clusters_are_told(cluster: ModuleType) -> None:
    with pytest.raises(cluster.Undecided, match="different clusters"):
        cluster.founder({"a": DOWN, "b": {**DOWN, "uuid": OTHER}})


def test_file_of_a_node_is_read(cluster: ModuleType) -> None:
    text = f"# GALERA saved state\nversion: 2.1\nuuid:    {UUID}\nseqno:   7\n"
    assert cluster.saved(text + "safe_to_bootstrap: 1\n") == (UUID, 7, True)
    assert cluster.saved(text.replace("7", "-1") + "safe_to_bootstrap: 0\n") == (UUID, -1, False)
    nobody = "uuid:    00000000-0000-0000-0000-000000000000\nseqno:   -1\nsafe_to_bootstrap: 0\n"
    assert cluster.saved(nobody) == ("", -1, False)


def test_position_is_read_from_what_the_server_prints(cluster: ModuleType) -> None:
    said = f"2026-01-01 0:00:00 0 [Note] WSREP: Recovered position: {UUID}:1234\n"
    assert cluster.recovered("InnoDB: started\n" + said) == (UUID, 1234)
    assert cluster.recovered("WSREP: Recovered position: " + "0" * 8 + said[-40:]) == ("", -1)
    assert cluster.recovered("no such line") == ("", -1)
