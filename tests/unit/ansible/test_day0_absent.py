"""Day 0 with nodes that are left out: nobody speaks to them, and the master keeps their keys."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploykit.nodes.inventory import Inventory, ansible_inventory
from deploykit.rollout.day0 import FORKS, TURN_SECONDS, day0_seconds, limited
from scriptedssh import inventory_of

ENVIRONMENT = """name: test
networks: {management: {cidr: 10.20.0.0/24}}
nodes:
  salt: {roles: [master], at: 10}
  compute: {roles: [hypervisor], count: 2, at: 31}
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return replace(inventory_of(ENVIRONMENT, tmp_path), absent=frozenset({"compute2"}))


def played(inventory: Inventory, folder: Path, values: dict[str, Any]) -> dict[str, Any]:
    """What `values`, as tasks of a role have them, come to on each node that day 0 comes to."""
    dest = f"{folder}/{{{{ inventory_hostname }}}}.told"
    told = {"copy": {"content": "{{ told | to_json }}", "dest": dest}, "vars": {"told": values}}
    key = {"set_fact": {"salt_keys_public": {"minion": "{{ inventory_hostname }}"}}}
    play = {"hosts": "all", "connection": "local", "gather_facts": False, "tasks": [key, told]}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    (folder / "hosts.json").write_text(json.dumps(ansible_inventory(inventory)))
    program = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        [program, "-i", "hosts.json", *limited(inventory), "play.yml"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {file.stem: json.loads(file.read_text()) for file in folder.glob("*.told")}


def test_master_invites_who_is_there_and_takes_nobodys_key_out_who_is_of_the_environment(
    checkout: Path, inventory: Inventory, tmp_path: Path
) -> None:
    role = checkout / "ansible" / "roles" / "salt_master" / "tasks" / "invitations.yml"
    invited, _, gone = yaml.safe_load(role.read_text())
    keys = [f"/etc/salt/pki/master/minions/{name}" for name in ("compute1", "compute2", "former")]
    found = [{"path": key} for key in keys]
    told = played(
        inventory,
        tmp_path,
        {
            "invited": invited["loop"],
            "gone": gone["loop"].replace("salt_master_keys.files", str(found)),
        },
    )
    assert set(told) == {"salt", "compute1"}  # those that day 0 spoke to
    assert told["salt"] == {"invited": ["compute1"], "gone": [keys[2]]}


def test_day_0_of_many_nodes_may_take_longer() -> None:
    assert day0_seconds(1) == day0_seconds(FORKS) == TURN_SECONDS
    assert day0_seconds(200) == TURN_SECONDS * 13
