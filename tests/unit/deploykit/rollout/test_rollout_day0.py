"""Day 0: what Ansible prints becomes the current task, and a failure's host, task and reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import CommandFailed, InputError, NodeUnreachable
from deploykit.base.process import Result
from deploykit.base.progress import Silent
from deploykit.nodes.inventory import Host, Inventory
from deploykit.rollout.day0 import Watcher, clean_env, day0, render_config
from deploykit.site.environment import parse_environment
from deploykit.site.instance import Instance

FAILED = (
    'fatal: [controller]: FAILED! => {"changed": false, "msg": "no space left", '
    '"stderr": "a\\nwrite error"}'
)
UNREACHABLE = (
    'fatal: [identity1]: UNREACHABLE! => {"changed": false, '
    '"msg": "Failed to connect to the host via ssh: timed out", "unreachable": true}'
)
ITEM = (
    "failed: [salt] (item=/etc/salt/master) => "
    '{"ansible_loop_var": "item", "changed": false, "msg": "not a directory"}'
)


@pytest.fixture
def inventory(checkout: Path, tmp_path: Path) -> Inventory:
    environment = parse_environment(checkout / "deploy-kit" / "environments" / "test.yml")
    hosts = tuple(
        Host(node.name, node.roles, "192.0.2.1", "root", environment.addresses(node), ())
        for node in environment.nodes
    )
    return Inventory(
        environment, Instance("test"), hosts, tmp_path / "key", tmp_path / "with space"
    )


def ended(status: int, *lines: str) -> Any:
    """A runner whose program prints `lines` and ends with `status`."""

    def run(argv: Any, *, on_line: Any, **kwargs: Any) -> Result:
        for line in lines:
            on_line(line)
        return Result(tuple(argv), status, "", "ERROR! syntax", 1.0)

    return run


def call(inventory: Inventory, checkout: Path, tmp_path: Path, runner: Any) -> None:
    day0(
        inventory,
        checkout / "ansible",
        log=tmp_path / "log",
        progress=Silent(),
        timeout=5,
        runner=runner,
    )


def test_failed_task_is_told_with_host_task_and_reason_first(
    inventory: Inventory, checkout: Path, tmp_path: Path
) -> None:
    lines = ("TASK [base : Set the host name] ****", FAILED)
    with pytest.raises(CommandFailed) as caught:
        call(inventory, checkout, tmp_path, ended(2, *lines))
    said = "controller: base : Set the host name: no space left: write error"
    assert said in caught.value.message.splitlines()[0]
    assert str(tmp_path / "log") in caught.value.remedy


def test_unreachable_node_is_named_as_such(
    inventory: Inventory, checkout: Path, tmp_path: Path
) -> None:
    with pytest.raises(NodeUnreachable, match="identity1"):
        call(inventory, checkout, tmp_path, ended(4, "TASK [x] **", UNREACHABLE))


def test_failed_item_of_a_loop_is_told(
    inventory: Inventory, checkout: Path, tmp_path: Path
) -> None:
    with pytest.raises(CommandFailed, match="salt: y: not a directory"):
        call(inventory, checkout, tmp_path, ended(2, "TASK [y] **", ITEM))


def test_playbook_that_does_not_parse_tells_what_ansible_said(
    inventory: Inventory, checkout: Path, tmp_path: Path
) -> None:
    with pytest.raises(CommandFailed, match="ERROR! syntax"):
        call(inventory, checkout, tmp_path, ended(4))


def test_release_without_playbook_is_wrong_input(inventory: Inventory, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such playbook"):
        call(inventory, tmp_path, tmp_path, ended(0))


def test_current_task_reaches_the_progress_line() -> None:
    told: list[str] = []

    class Notes:
        def note(self, detail: str) -> None:
            told.append(detail)

    watcher = Watcher(Notes())
    watcher.line("TASK [salt_minion : Start the minion] *****")
    watcher.line("RUNNING HANDLER [salt_minion : Restart the minion] ***")
    assert told == ["salt_minion : Start the minion", "salt_minion : Restart the minion"]


def test_settings_of_the_caller_do_not_reach_ansible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "null")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    assert "ANSIBLE_STDOUT_CALLBACK" in clean_env()
    assert "PYTHONPATH" in clean_env()


def test_folder_with_a_space_is_quoted_for_ssh(inventory: Inventory, tmp_path: Path) -> None:
    text = render_config(inventory, tmp_path, tmp_path)
    assert f"-F '{inventory.ssh_config}'" in text
