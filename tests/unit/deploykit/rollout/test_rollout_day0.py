"""Day 0: what Ansible prints becomes the current task, and a failure's host, task and reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import CommandFailed, InputError, NodeUnreachable
from deploykit.base.process import Result
from deploykit.base.progress import Silent
from deploykit.nodes.inventory import Host, Inventory
from deploykit.rollout.day0 import Watcher, day0, render_config
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
    key = tmp_path / "key"
    key.touch()
    return Inventory(environment, Instance("test"), hosts, key, tmp_path / "with space")


def ended(status: int, *lines: str) -> Any:
    """A runner whose program prints `lines` and ends with `status`."""

    def run(argv: Any, *, on_line: Any, **kwargs: Any) -> Result:
        for line in lines:
            on_line(line)
        return Result(tuple(argv), status, "", "ERROR! syntax", 1.0)

    return run


def call(
    inventory: Inventory,
    checkout: Path,
    tmp_path: Path,
    runner: Any,
    still: Callable[[], None] | None = None,
) -> None:
    day0(
        inventory,
        checkout / "ansible",
        shown=[checkout / "ansible"],
        log=tmp_path / "log",
        progress=Silent(),
        timeout=5,
        still=still,
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


def test_settings_of_the_caller_do_not_reach_ansible(
    inventory: Inventory, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "null")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    given: dict[str, str | None] = {}

    def runner(argv: Any, *, env: Any, **kwargs: Any) -> Result:
        given.update(env)
        return Result(tuple(argv), 0, "", "", 1.0)

    call(inventory, checkout, tmp_path, runner)
    assert given["ANSIBLE_STDOUT_CALLBACK"] is None
    assert given["PYTHONPATH"] is None
    assert given["ANSIBLE_CONFIG"] == "/instance/ansible.cfg"


def test_folder_with_a_space_is_quoted_for_ssh(tmp_path: Path) -> None:
    text = render_config(Path("/with space"), tmp_path)
    assert "-F '/with space/ssh_config'" in text


PLAYBOOK = """\
- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - name: What a lookup reads on the operator's side
      ansible.builtin.debug:
        msg: "{{ lookup('ansible.builtin.pipe', 'cat ' ~ item ~ ' 2>&1; true') }}"
      loop: [SECRET, /instance/key]
    - name: What the operator's shell is given
      ansible.builtin.command: {argv: [cat, SECRET]}
      register: read
      failed_when: read.rc == 0
    - name: What a task may write
      ansible.builtin.file: {path: SHOWN/new, state: touch}
      register: written
      failed_when: written is not failed
"""


def test_playbook_of_a_release_reads_its_own_instances_key_and_no_other(
    inventory: Inventory, tmp_path: Path
) -> None:
    """By the real Ansible, in the real sandbox."""
    shown, secret = tmp_path.resolve() / "kit", tmp_path / "keys" / "operator"
    (shown / "playbooks").mkdir(parents=True)
    secret.parent.mkdir()
    secret.write_text("key of the operator")
    inventory.ssh_key.write_text("key of the instance")
    text = PLAYBOOK.replace("SECRET", str(secret)).replace("SHOWN", str(shown))
    (shown / "playbooks" / "day0.yml").write_text(text)
    log = tmp_path / "log"
    day0(inventory, shown, shown=[shown], log=log, progress=Silent(), timeout=120)
    said = log.read_text()
    assert "key of the instance" in said
    assert "key of the operator" not in said


def test_day_0_is_ended_by_what_may_not_go_on(
    inventory: Inventory, checkout: Path, tmp_path: Path
) -> None:
    def still() -> None:
        raise InterruptedError("it is another's")

    def run(argv: Any, *, still: Callable[[], None], **_: Any) -> Result:
        still()
        raise AssertionError("it goes on")

    with pytest.raises(InterruptedError):
        call(inventory, checkout, tmp_path, run, still)
