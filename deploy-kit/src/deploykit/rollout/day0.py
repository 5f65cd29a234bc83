"""Day 0: Ansible makes bare nodes into one Salt master and its minions."""

from __future__ import annotations

import json
import math
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from deploykit.base.errors import CommandFailed, DeployKitError, InputError, NodeUnreachable
from deploykit.base.process import Runner, last_line, run
from deploykit.base.progress import Step
from deploykit.logs.signatures import recognise_line, shipped
from deploykit.nodes.confined import confined
from deploykit.nodes.inventory import ABSENT, SSH_TIMEOUT, Inventory, ansible_inventory
from deploykit.site.tunables import day0_variables

PLAYBOOK = Path("playbooks", "day0.yml")
FORKS = 16
TURN_SECONDS = 600.0  # that a task after task may take on FORKS nodes side by side
TASK = re.compile(r"(?:TASK|RUNNING HANDLER) \[(?P<name>[^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Failure:
    """One host that a task failed on, with the module's reason."""

    host: str
    task: str
    reason: str
    unreachable: bool


@dataclass(slots=True)
class Watcher:
    """Reads what ansible-playbook prints, line by line: the current task, and every failure."""

    step: Step
    task: str = ""
    failures: list[Failure] = field(default_factory=list)

    def line(self, text: str) -> None:
        if match := TASK.match(text):
            self.task = match["name"]
            self.step.note(self.task)
        elif recognised := recognise_line(text, shipped("ansible.yml")):
            unreachable = recognised.fields["kind"] == "UNREACHABLE"
            host = recognised.fields["host"]
            self.failures.append(Failure(host, self.task, reason_of(recognised.rest), unreachable))


def reason_of(result: str) -> str:
    """The reason in a failed task's result: its message, then what the command said last."""
    try:
        document = json.loads(result)
    except ValueError:
        return result.strip()
    if "results" in document:
        failed = [item for item in document["results"] if item.get("failed")]
        document = failed[0] if failed else document
    printed = last_line(str(document.get("stderr") or document.get("module_stderr") or ""))
    message = str(document.get("msg") or "it gave no reason").strip()
    return f"{message}: {printed}" if printed else message


def day0(
    inventory: Inventory,
    ansible_folder: Path,
    *,
    shown: Sequence[Path],
    log: Path,
    progress: Step,
    timeout: float | None = None,
    still: Callable[[], None] | None = None,
    more: Mapping[str, object] | None = None,
    runner: Runner = run,
) -> None:
    """Run the playbook of `ansible_folder` (a release's own ansible/), in a sandbox, on every node
    that is there.

    Its roles have the environment's settings over their own values, and the variables `more`.
    `shown` are the folders of the release that the playbook may read. Output is appended to `log`,
    `progress` is told the current task; the whole run may take `timeout` seconds, by default what
    so many nodes may take, and ends if `still`, asked each second, raises. Safe to repeat.
    Raises NodeUnreachable naming the nodes that did not answer, CommandFailed naming the host,
    the task and the reason of every failure, and InputError if the folder has no playbook.
    """
    playbook = ansible_folder / PLAYBOOK
    if not playbook.is_file():
        raise InputError(f"{playbook}: the release has no such playbook")
    watcher = Watcher(progress)
    with confined(inventory, shown) as place:
        variables = day0_variables(inventory.environment.settings, ansible_folder)
        told = ansible_inventory(inventory, {**variables, **(more or {})})
        hosts = place.put("ansible_inventory.json", json.dumps(told))
        config = place.put("ansible.cfg", render_config(place.folder, ansible_folder))
        result = place.run(
            [ansible_playbook(), "--inventory", hosts, *limited(inventory), playbook],
            timeout=day0_seconds(len(inventory.there)) if timeout is None else timeout,
            env={"ANSIBLE_CONFIG": str(config)},
            log=log,
            on_line=watcher.line,
            runner=partial(runner, still=still),
        )
    if result.returncode != 0:
        raise failed(watcher.failures, result.stderr, log)


def limited(inventory: Inventory) -> list[str]:
    """The words that keep a playbook from absent nodes; what it is told of them stays."""
    return ["--limit", f"all:!{ABSENT}"] if inventory.absent else []


def day0_seconds(nodes: int) -> float:
    """How long day 0 of so many nodes may take: FORKS of them are worked on at a time."""
    return TURN_SECONDS * max(1, math.ceil(nodes / FORKS))


def failed(failures: list[Failure], stderr: str, log: Path) -> DeployKitError:
    """The error of a playbook that ended badly: the first failing host, task and reason first."""
    remedy = f"the whole log: {log}"
    if not failures:
        tail = stderr.strip().splitlines()[-10:]
        return CommandFailed(
            "day 0 failed: " + ("\n".join(tail) or "Ansible gave no reason"), remedy
        )
    lines = [f"{failure.host}: {failure.task}: {failure.reason}" for failure in failures]
    if all(failure.unreachable for failure in failures):
        names = ", ".join(sorted({failure.host for failure in failures}))
        return NodeUnreachable(
            f"day 0: no answer from {names}: {failures[0].reason}",
            f"look whether it runs: deploy-kit env status\n{remedy}",
        )
    return CommandFailed("day 0 failed: " + "\n".join(lines), remedy)


def render_config(instance: Path, ansible_folder: Path) -> str:
    """The ansible.cfg of a run: SSH by the ssh_config in the folder `instance`, output plain."""
    return (
        "[defaults]\n"
        f"roles_path = {ansible_folder / 'roles'}\n"
        f"forks = {FORKS}\n"
        f"timeout = {SSH_TIMEOUT}\n"
        "gathering = explicit\n"
        "interpreter_python = /usr/bin/python3\n"
        "stdout_callback = ansible.builtin.default\n"
        "display_skipped_hosts = false\n"
        "display_ok_hosts = true\n"
        "retry_files_enabled = false\n"
        "nocolor = true\n"
        "nocows = true\n"
        "devel_warning = false\n"
        "localhost_warning = false\n"
        "\n[ssh_connection]\n"
        "pipelining = true\n"
        f"ssh_args = -F {shlex.quote(str(instance / 'ssh_config'))}\n"
    )


def ansible_playbook() -> Path:
    """The ansible-playbook that was installed with deploy-kit."""
    return Path(sys.executable).with_name("ansible-playbook")
