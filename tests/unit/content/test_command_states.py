"""What the content's states of commands answer: done, as wanted, late, failed, and in a test."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from loosemodule import module_of

COMMAND = Path(__file__).resolve().parents[3] / "salt/states/_states/command.py"


@pytest.fixture
def command() -> ModuleType:
    found = module_of(COMMAND)
    found.__dict__["__opts__"] = {"test": False}
    return found


@pytest.fixture
def testing(command: ModuleType) -> ModuleType:
    command.__dict__["__opts__"] = {"test": True}
    return command


@pytest.fixture(autouse=True)
def me(monkeypatch: pytest.MonkeyPatch, command: ModuleType) -> None:
    """Whoever runs the tests is the account 'root' of these nodes."""
    account = command.pwd.getpwuid(os.geteuid())
    known = {"root": account}
    monkeypatch.setattr(command.pwd, "getpwnam", known.__getitem__)


def ensured(command: ModuleType, check: str, act: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = command.ensured("it", check, act, **more)
    return found


def test_what_is_so_already_is_left_alone(command: ModuleType, tmp_path: Path) -> None:
    answer = ensured(command, "true", f"touch {tmp_path}/acted")
    assert answer == {"name": "it", "result": True, "comment": "as wanted", "changes": {}}
    assert not list(tmp_path.iterdir())


def test_what_is_not_so_is_brought_about_and_told_in_its_words(
    command: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    answer = ensured(command, f"[[ -e {file} ]]", f"touch {file}", told="made")
    assert (answer["result"], answer["comment"], answer["changes"]) == (
        True,
        "made",
        {"it": "made"},
    )
    assert file.exists()
    assert ensured(command, f"[[ -e {file} ]]", "false")["changes"] == {}


def test_what_was_brought_about_is_told_with_what_the_command_said(
    command: ModuleType,
) -> None:
    answer = ensured(command, "false", "echo endpoint image public", told="registered")
    assert answer["comment"] == "registered: endpoint image public"
    assert answer["changes"] == {"it": "registered"}


def test_test_asks_but_does_nothing(testing: ModuleType, tmp_path: Path) -> None:
    answer = ensured(testing, "false", f"touch {tmp_path}/acted", told="made")
    assert (answer["result"], answer["comment"]) == (None, "would be made")
    assert answer["changes"]
    assert not list(tmp_path.iterdir())
    assert ensured(testing, "true", "false")["result"] is True


def test_failure_is_told_by_the_end_of_what_was_printed(command: ModuleType) -> None:
    answer = ensured(command, "false", "seq 5000; echo 'no such table' >&2; exit 3")
    assert answer["result"] is False and answer["changes"] == {}
    assert answer["comment"].endswith("\nno such table")
    assert len(answer["comment"]) <= 2000


def test_failure_that_says_nothing_is_told_by_its_status(command: ModuleType) -> None:
    assert ensured(command, "false", "exit 7")["comment"] == (
        "it ended with status 7 and said nothing"
    )


def test_first_of_several_commands_that_fails_ends_them(
    command: ModuleType, tmp_path: Path
) -> None:
    answer = ensured(command, "false", f"set -e; false; touch {tmp_path}/acted")
    assert answer["result"] is False
    assert not list(tmp_path.iterdir())


def alive(line: Path) -> bool:
    """Whether the process of this /proc/PID/cmdline runs; one that nobody waited for does not."""
    try:
        return line.read_bytes() != b""
    except OSError:
        return False


def test_command_that_takes_too_long_ends_with_all_it_started(
    command: ModuleType, tmp_path: Path
) -> None:
    child = f"(echo $BASHPID > {tmp_path}/child; exec sleep 60) & wait"
    answer = ensured(command, "false", child, timeout=2)
    assert answer["result"] is False and answer["changes"] == {}
    assert answer["comment"] == "it takes longer than 2 s"
    line = Path("/proc", (tmp_path / "child").read_text().strip(), "cmdline")
    end = time.monotonic() + 10
    while alive(line) and time.monotonic() < end:  # a busy machine takes its time to kill
        time.sleep(0.05)
    assert not alive(line)


def test_check_and_act_share_one_time(command: ModuleType) -> None:
    answer = ensured(command, "sleep 0.4; false", "sleep 0.4", timeout=0.6)
    assert answer["comment"] == "it takes longer than 0.6 s"


def test_what_a_command_leaves_running_is_not_waited_for(command: ModuleType) -> None:
    began = time.monotonic()
    assert ensured(command, "false", "sleep 20 &")["result"] is True
    assert time.monotonic() - began < 15


def test_command_gets_its_environment_and_no_input(command: ModuleType) -> None:
    given = {"WORD": "secret", "NUMBER": 5}
    check = "[[ $WORD == secret && $NUMBER == 5 && $USER == root && -n $HOME && -z $(cat) ]]"
    assert ensured(command, check, "false", env=given)["result"] is True


def test_account_that_is_not_there_is_a_failure_but_not_in_a_test(command: ModuleType) -> None:
    told = "there is no account 'nova' on this node"
    answer = ensured(command, "true", "true", runas="nova")
    assert (answer["result"], answer["comment"]) == (False, told)
    command.__dict__["__opts__"] = {"test": True}
    answer = ensured(command, "true", "true", runas="nova")
    assert (answer["result"], answer["comment"]) == (None, told)


def test_health_is_waited_for_and_never_a_change(command: ModuleType, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    check = f"echo x >> {tries}; [[ $(wc -l < {tries}) -ge 3 ]]"
    answer = command.answers("it", check, 10)
    assert answer == {"name": "it", "result": True, "comment": "it answers", "changes": {}}
    assert len(tries.read_text().split()) == 3


def test_no_health_in_its_time_is_told_with_the_last_reason(command: ModuleType) -> None:
    answer = command.answers("it", "echo Traceback; echo refused >&2; false", 0.5)
    assert (answer["result"], answer["changes"]) == (False, {})
    assert answer["comment"] == "no healthy answer within 0.5 s: refused"


def test_question_that_hangs_ends_soon_after_the_time(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "GRACE", 0.2)
    answer = command.answers("it", "sleep 30", 0.3)
    assert answer["comment"] == "no healthy answer within 0.3 s: the question itself takes too long"


def test_test_asks_for_health_once(testing: ModuleType) -> None:
    answer = testing.answers("it", "echo refused; false", 60)
    assert (answer["result"], answer["comment"]) == (None, "no healthy answer yet: refused")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another")
def test_command_of_another_account_runs_as_it_with_its_home(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = command.pwd.getpwuid(65534)
    monkeypatch.setattr(command.pwd, "getpwnam", lambda _: nobody)
    check = f"[[ $(id -u) == 65534 && $(id -g) == {nobody.pw_gid} && $HOME == {nobody.pw_dir} ]]"
    assert ensured(command, check, "false", runas=nobody.pw_name)["result"] is True


PILLAR = {"secrets": {"admin": "p'a ss", "one": "1", "two": "2"}}


def test_command_gets_secrets_by_their_place_in_pillar(command: ModuleType) -> None:
    command.__dict__["__pillar__"] = PILLAR
    places = {"PASSWORD": "secrets:admin", "ALL": {"a": "secrets:one", "b": "secrets:two"}}
    check = """[[ $PASSWORD == "p'a ss" && $ALL == '{"a": "1", "b": "2"}' ]]"""
    assert command.answers("it", check, 0, env_pillar=places)["result"] is True
    assert ensured(command, check, "false", env_pillar=places)["result"] is True


def test_place_that_pillar_does_not_have_fails_before_anything_runs(
    command: ModuleType, tmp_path: Path
) -> None:
    command.__dict__["__pillar__"] = PILLAR
    places = {"PASSWORD": "secrets:nobody"}
    told = "pillar has no secrets:nobody for this node"
    for answer in (
        ensured(command, f"touch {tmp_path}/ran", "true", env_pillar=places),
        command.answers("it", f"touch {tmp_path}/ran", 0, env_pillar=places),
    ):
        assert (answer["result"], answer["comment"]) == (False, told)
    assert not list(tmp_path.iterdir())
