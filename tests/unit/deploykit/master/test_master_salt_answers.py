"""What the agent reads out of Salt's answers: the failing state with its reason first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from deploykit.master.comments import causes_first
from deploykit.master.remote.protocol import AgentError
from deploykit.master.remote.salt_master import (
    SaltMaster,
    changes_of,
    progress_of,
    summarise_orchestration,
    summarise_states,
    would,
)


def state(number: int, result: bool | None, comment: str = "", **more: Any) -> dict[str, Any]:
    return {"__run_num__": number, "result": result, "comment": comment, "changes": {}, **more}


def understood(answer: Any) -> list[dict[str, Any]]:
    """The failed states as whoever asked the agent gets to see them."""
    return causes_first(summarise_states(answer)["failed"])


def test_failed_states_come_with_the_cause_before_its_consequences() -> None:
    answer = {
        "service_|-b_|-b_|-running": state(
            1, False, "One or more requisite failed: a.conf", __id__="b"
        ),
        "file_|-a_|-/etc/a_|-managed": state(2, False, "no template", __id__="a", name="/etc/a"),
    }
    found = summarise_states(answer)
    assert [entry["state"] for entry in understood(answer)] == ["a", "b"]
    assert found["files"] == ["/etc/a"]


def test_command_that_takes_too_long_is_told_as_such_without_the_command() -> None:
    """As Salt 3008 answers: its own complaint, and the command with the reason in `changes`."""
    late = state(
        1,
        False,
        "Failed parsing script output! Stdout must be JSON or a line of name=value pairs.",
        __id__="store",
        changes={
            "pid": 7,
            "retcode": 1,
            "stdout": "update-ca-certificates\nfi : Timed out after 60 seconds",
            "stderr": "",
        },
    )
    (failed,) = understood({"cmd_|-store_|-update_|-run": late})
    assert failed == {"state": "store", "comment": "it takes longer than 60 s"}
    late["changes"]["stdout"] = "nonsense"
    (failed,) = understood({"cmd_|-store_|-update_|-run": late})
    assert failed["comment"].startswith("Failed parsing")
    assert failed.keys() == {"state", "comment"}  # what it printed is nobody's


def test_rendering_error_is_a_failure_with_its_text() -> None:
    found = summarise_states(["Rendering SLS 'x' failed: Jinja variable 'y' is undefined"])
    assert "'y' is undefined" in found["failed"][0]["comment"]


def test_silent_minion_is_a_failure() -> None:
    assert summarise_states("minion who did not answer")["failed"]


def orchestration(**steps: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"salt_master": steps}, "retcode": 0}


def test_failing_state_inside_a_step_is_named_with_its_minion() -> None:
    step = state(
        2,
        False,
        "Run failed on minions: who",
        __id__="identity canary",
        changes={"ret": {"who": {"file_|-a_|-a_|-managed": state(0, False, "why", __id__="a")}}},
    )
    report = summarise_orchestration(orchestration(ok=state(1, True, __id__="database"), no=step))
    assert report["failures"] == [
        {"step": "identity canary", "minion": "who", "state": "a", "comment": "why"}
    ]
    assert [entry["step"] for entry in report["steps"]] == ["database", "identity canary"]


def test_step_that_failed_without_an_answer_is_told_by_its_comment() -> None:
    step = state(1, False, "No minions responded", __id__="database")
    report = summarise_orchestration(orchestration(no=step))
    assert report["failures"][0]["comment"] == "No minions responded"


def test_orchestration_that_did_not_render_is_a_failure_of_the_release() -> None:
    report = summarise_orchestration({"data": {"salt_master": ["Rendering SLS failed"]}})
    (failure,) = report["failures"]
    assert (failure["state"], failure["comment"]) == ("(rendering)", "Rendering SLS failed")


def test_state_event_is_progress_and_others_are_not() -> None:
    data = {"id": "who", "data": {"ret": state(0, True, "fine", __id__="a", changes={"x": 1})}}
    assert list(progress_of("salt/job/2026/prog/who/0", data)) == [
        {"minion": "who", "state": "a", "result": True, "changed": True, "comment": "fine"}
    ]
    assert list(progress_of("salt/job/2026/ret/who", data)) == []


def test_changes_show_a_files_difference_but_not_that_of_a_secret_one() -> None:
    shown = state(1, True, "File updated", __id__="conf")
    hidden = state(0, True, "File updated", __id__="secret")
    shown["changes"] = {"diff": "-a\n+b\n"}
    hidden["changes"] = {"diff": "<show_changes=False>"}
    new = state(2, True, "installed", __id__="package")
    new["changes"] = {"web": {"old": "", "new": "1"}}
    same = state(3, True, "as it was", __id__="same")
    answer = {str(place): entry for place, entry in enumerate((shown, hidden, new, same))}
    assert changes_of(answer) == [
        {"state": "secret", "told": "changed; its content is not shown, as it holds secrets"},
        {"state": "conf", "told": "-a\n+b\n"},
        {"state": "package", "told": "installed"},
    ]


def test_minion_that_gets_no_modules_is_named_before_any_state_runs() -> None:
    master = SaltMaster.__new__(SaltMaster)
    answers: dict[str, Any] = {"web": {"states": []}, "db": False}
    master.__dict__["_local"] = SimpleNamespace(cmd=lambda *_, **__: answers)
    master.sync("digest", ["web"])
    with pytest.raises(AgentError, match=r"did not reach db, who$"):
        master.sync("digest", ["web", "db", "who"])


def test_run_in_test_mode_tells_what_would_change_and_what_would_fail() -> None:
    run = {
        "file_|-a_|-/etc/a_|-managed": {
            "__id__": "a", "name": "/etc/a", "result": None, "comment": "would be changed",
            "changes": {"diff": "-x"}, "__run_num__": 1,
        },
        "cmd_|-b_|-true_|-run": {
            "__id__": "b", "result": None, "comment": "would run", "changes": {}, "__run_num__": 2,
        },
        "file_|-c_|-/etc/c_|-managed": {
            "__id__": "c", "name": "/etc/c", "result": True, "comment": "right", "changes": {},
            "__run_num__": 3,
        },
    }  # fmt: skip
    summary = summarise_states(run, would)
    assert [entry["state"] for entry in summary["changed"]] == ["a", "b"]
    assert (summary["failed"], summary["files"]) == ([], ["/etc/a", "/etc/c"])
    assert [entry["state"] for entry in summarise_states(run)["changed"]] == ["a"]
