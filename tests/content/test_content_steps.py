"""No failed step of a line of shell counts as done: in states, in roles, in scripts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from loosemodule import module_of
from shellsteps import swallowed
from topologies import TOPOLOGIES

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("rendered")]
CHECKOUT = Path(__file__).resolve().parents[2]
LINES = {"command": ("check", "act"), "unit": ("by",), "cmd": ("name", "unless", "onlyif")}
STUB = """#!/bin/bash
# Says what it was called with, and fails at the call that the test wants to fail.
echo "${0##*/} $*" >>"$CALLS"
[[ $(wc -l <"$CALLS") != "$FAILING" ]]
"""


@pytest.mark.parametrize(
    "text",
    [
        "{ set -e; one; two; } >&2 || exit 1",
        "( one; two ) && three",
        "{ one\ntwo\n} || three",
        "if one; two; then three; fi",
        "if one; then two; elif three; four; then five; fi",
        "until one; two; do three; done",
        "! { one; two; }",
        "all() { one; two; }; all || exit 1",
        "all() {\n  one\n  two\n}\nif all; then three; fi",
        "for each in 1 2; do one; two; done && three",
        "case $1 in *) one; two ;; esac || three",
        "one && two; three",
        "x=$(one; { two; three; } || four); five",
    ],
)
def test_step_that_may_fail_unseen_is_found(text: str) -> None:
    assert swallowed(text)


@pytest.mark.parametrize(
    "text",
    [
        "set -e; one; two",
        "one && two && three",
        "{ one && two; } >&2 || exit 1",
        "if one; then two; three; fi; four",
        "uuid=$(one name); if [[ $uuid ]]; then two; else three; fi; four",
        "each() { one; two; }; each; three | four || five",
        "[ -e file ] && one; two",
        "cat <<END\n{ one; two; } || three\nEND\nfour",
        "echo '{ one; two; } || three' # { one; two; } || three",
        "case $1 in a) one && two ;; b | c) three; four ;; esac\nfive",
    ],
)
def test_steps_that_all_count_are_no_finding(text: str) -> None:
    assert not swallowed(text)


def lines_of(answer: Any) -> Iterator[tuple[str, str]]:
    """(id, line of shell) of every state of a minion that has one."""
    if isinstance(answer, list):
        return
    for one in (*answer["highstate"], *(one for own in answer["sls"].values() for one in own)):
        if isinstance(one, dict) and one["state"] in LINES and one["fun"] != "script":
            for key in LINES[one["state"]]:
                for line in [one[key]] if isinstance(one.get(key), str) else []:
                    yield one["__id__"], line


@pytest.mark.parametrize("topology", sorted(TOPOLOGIES))
def test_no_line_of_a_state_swallows_a_failed_step(render: Any, topology: str) -> None:
    seen = dict(pair for answer in render(topology).values() for pair in lines_of(answer))
    assert len(seen) > 10
    assert not {name: swallowed(line) for name, line in seen.items() if swallowed(line)}


def test_no_script_swallows_a_failed_step() -> None:
    told = subprocess.run(
        ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60
    )
    files = [CHECKOUT / name for name in told.stdout.splitlines()]
    files = [file for file in files if file.is_file() and not file.is_symlink()]
    scripts = [file for file in files if file.open("rb").read(32).startswith(SHEBANGS)]
    assert len(scripts) > 5
    found = {str(file): swallowed(file.read_text()) for file in scripts}
    assert not {name: why for name, why in found.items() if why}


SHEBANGS = (b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash")


def test_no_task_of_ansible_swallows_a_failed_step() -> None:
    found = {}
    for file in [*CHECKOUT.glob("ansible/**/*.yml"), *CHECKOUT.glob("kitchen/**/*.yml")]:
        for line in shells(yaml.safe_load(file.read_text())):
            found[line] = swallowed(line)
    assert found
    assert not {line: why for line, why in found.items() if why}


def shells(value: Any) -> Iterator[str]:
    """The lines that tasks give to a shell, however deep."""
    if isinstance(value, dict):
        given = value.get("ansible.builtin.shell")
        if given:
            yield given["cmd"] if isinstance(given, dict) else given
        value = list(value.values())
    for one in value if isinstance(value, list) else []:
        yield from shells(one)


def migration(render: Any, component: str) -> dict[str, Any]:
    """What brings a component's databases about, as Salt renders it."""
    states = render("dev")["controller"]["sls"][f"{component}.migrate"]
    (found,) = [one for one in states if one["__id__"] == f"{component}_migrate_schema"]
    return dict(found)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that fail when they are told to, before all others on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in (
        *("nova-manage", "nova-cells", "nova-schema", "nova-status", "neutron-db-manage"),
        *("neutron-schema", "keystone-manage", "keystone-schema"),
    ):
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


# `asked`: questions before the steps, whose answer only chooses between them.
@pytest.mark.parametrize(
    ("component", "asked", "steps"), [("nova", 0, 5), ("neutron", 1, 1), ("keystone", 1, 2)]
)
def test_each_step_of_a_migration_that_fails_fails_the_migration(
    render: Any,
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    component: str,
    asked: int,
    steps: int,
) -> None:
    command = module_of(CHECKOUT / "salt/states/_states/command.py")
    command.__dict__["__opts__"] = {"test": False}
    account = command.pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(command.pwd, "getpwnam", lambda _: account)
    state = migration(render, component)
    act = state["act"].replace("/usr/local/sbin/", f"{programs}/")
    for failing in range(asked + 1, asked + steps + 2):
        calls = programs / f"calls-{failing}"
        env = {"CALLS": str(calls), "FAILING": str(failing)}
        answer = command.ensured(state["name"], "false", act, env=env)
        made = calls.read_text().splitlines()
        assert answer["result"] is (failing > asked + steps), made
        assert len(made) == min(failing, asked + steps), "it went on after the step that failed"


@pytest.mark.parametrize("component", ["neutron", "keystone"])
def test_schema_is_widened_where_there_is_one_and_made_whole_where_there_is_none(
    render: Any, programs: Path, monkeypatch: pytest.MonkeyPatch, component: str
) -> None:
    act = migration(render, component)["act"].replace("/usr/local/sbin/", f"{programs}/")
    made = {}
    for there, failing in ((True, "0"), (False, "1")):  # whether the first question has a yes
        monkeypatch.setenv("CALLS", str(programs / f"asked-{there}"))
        monkeypatch.setenv("FAILING", failing)
        subprocess.run(["bash", "-e", "-c", act], check=True, timeout=60)
        made[there] = (programs / f"asked-{there}").read_text().splitlines()[1]
    assert made[True].endswith("--expand")
    assert made[False].split()[-1] in ("heads", "db_sync")


@pytest.mark.parametrize(
    ("archived", "purged", "good"),
    [(0, 0, True), (1, 3, True), (255, 0, False), (0, 1, False), (3, 0, False)],
)
def test_deleted_rows_of_nova_go_and_only_real_failures_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, archived: int, purged: int, good: bool
) -> None:
    stub = tmp_path / "nova-manage"
    stub.write_text(f"#!/bin/bash\n[[ $2 == purge ]] && exit {purged}\nexit {archived}\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    tool = CHECKOUT / "salt/states/nova/files/tidy.sh"
    done = subprocess.run(["bash", tool, "30"], timeout=60, check=False)
    assert (done.returncode == 0) is good
