"""What the modules on the nodes make of Salt's answer and of what is left behind."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest


def state(
    name: str, number: int, result: bool | None = True, **changes: object
) -> dict[str, object]:
    return {"__id__": name, "__run_num__": number, "result": result, "changes": changes,
            "comment": f"{name} says"}  # fmt: skip


def test_changes_of_a_salt_run_are_changes_in_its_order(salt_call: ModuleType) -> None:
    answer = {"local": {"b": state("two", 1, new="x"), "a": state("one", 0, new="y"),
                        "c": state("three", 2)}}  # fmt: skip
    assert salt_call.outcome(answer) == (["one", "two"], [])


def test_run_without_changes_is_none(salt_call: ModuleType) -> None:
    assert salt_call.outcome({"local": {"a": state("one", 0)}}) == ([], [])


def test_failed_state_is_told_with_its_reason(salt_call: ModuleType) -> None:
    _, failed = salt_call.outcome({"local": {"a": state("one", 0, False)}})
    assert failed == ["one: one says"]


@pytest.mark.parametrize("said", [["Rendering failed"], "No matching sls found"])
def test_answer_without_states_is_a_failure(salt_call: ModuleType, said: object) -> None:
    changed, failed = salt_call.outcome({"local": said})
    assert not changed
    assert failed == ([said] if isinstance(said, str) else said)


def test_what_came_and_what_went_are_both_told(traces: ModuleType) -> None:
    before = {"file": ["/etc/a", "/etc/b"], "unit": ["ssh.service"]}
    after = {"file": ["/etc/a", "/etc/c"], "unit": ["ssh.service"], "account": ["mysql"]}
    assert traces.difference(before, after) == (
        ["account: + mysql", "file: + /etc/c", "file: - /etc/b"]
    )


def test_what_may_stay_is_left_out_whatever_its_kind(traces: ModuleType) -> None:
    found = {"file": ["/var/lib/mysql/a", "/etc/a"], "account": ["radvd", "radvd2"]}
    ignored = re.compile("(?:/var/lib/mysql/.*)|(?:radvd)")
    assert traces.without(found, ignored) == {"file": ["/etc/a"], "account": ["radvd2"]}


def test_same_node_has_no_difference(traces: ModuleType) -> None:
    assert traces.difference({"file": ["/etc/a"]}, {"file": ["/etc/a"]}) == []


def test_transient_folders_are_not_walked(
    traces: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept" / "deep").mkdir(parents=True)
    (tmp_path / "kept" / "deep" / "file").touch()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "file").touch()
    monkeypatch.setattr(traces, "PLACES", (str(tmp_path),))
    found = traces.files([rf"{tmp_path}/cache(/.*)?"])
    assert found == [f"{tmp_path}/kept", f"{tmp_path}/kept/deep", f"{tmp_path}/kept/deep/file"]


def test_socket_of_the_dhcp_client_is_no_service(traces: ModuleType) -> None:
    listing = (
        "udp UNCONN 0 0 0.0.0.0:68 0.0.0.0:*\n"
        "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n"
        "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n"
    )
    assert traces.sockets(listing) == ["tcp 0.0.0.0:22"]
