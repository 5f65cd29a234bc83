"""What an inventory writes for ssh and Ansible."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.master.facade import node_facts
from deploykit.nodes import inventory as module
from deploykit.nodes.inventory import (
    Host,
    Inventory,
    ansible_inventory,
    control_path,
    hosts_json,
    make_control_folder,
    write_ssh_files,
)
from deploykit.providers.common import known_hosts
from deploykit.rollout import day0_key, minions_of
from deploykit.site.environment import parse_environment
from deploykit.site.instance import Instance
from deploykit.site.operators import Operator

TEXT = """\
name: test
networks: {management: {cidr: 10.30.0.0/24}}
nodes:
  salt: {roles: [master], at: 10}
  web: {roles: [load-balancer], at: 11}
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    monkeypatch.setattr(module, "control_folder", lambda: tmp_path / "sockets")
    file = tmp_path / "test.yml"
    file.write_text(TEXT, encoding="utf-8")
    environment = parse_environment(file)
    hosts = tuple(
        Host(node.name, node.roles, f"10.200.0.{node.at}", "root", environment.addresses(node),
             (f"ssh-ed25519 KEY{node.at}",))
        for node in environment.nodes
    )  # fmt: skip
    folder = tmp_path / "a folder" / "test~copy"
    return Inventory(environment, Instance("test", copy="copy"), hosts, tmp_path / "a key", folder)


def test_node_behind_another_is_reached_from_there_with_both_keys_checked(
    inventory: Inventory,
) -> None:
    master, web = inventory.hosts
    behind = replace(inventory, hosts=(master, replace(web, jump="salt")))
    write_ssh_files(behind)
    read = {
        name: subprocess.run(
            ["ssh", "-G", "-F", behind.ssh_config, name],
            check=True, capture_output=True, text=True, timeout=20,
        ).stdout.splitlines()
        for name in ("salt", "web")
    }  # fmt: skip
    assert "proxyjump salt" in read["web"]
    assert not [line for line in read["salt"] if line.startswith("proxyjump")]
    assert all("stricthostkeychecking true" in lines for lines in read.values())
    assert known_hosts(behind.folder) == {host.name: host for host in behind.hosts}
    told = json.loads(hosts_json(behind.hosts))
    assert ["jump" in one for one in told] == [False, True], "releases cut before know no jump"


def test_ssh_reads_the_written_config_as_meant(inventory: Inventory) -> None:
    write_ssh_files(inventory)
    read = subprocess.run(
        ["ssh", "-G", "-F", inventory.ssh_config, "web"],
        check=True, capture_output=True, text=True, timeout=20,
    ).stdout.splitlines()  # fmt: skip
    for line in (
        "hostname 10.200.0.11",
        "hostkeyalias web",
        "user root",
        "stricthostkeychecking true",
        "batchmode yes",
        "identitiesonly yes",
        "forwardagent no",
        "connecttimeout 10",
        "controlmaster auto",
        f"identityfile {inventory.ssh_key}",
        f"userknownhostsfile {inventory.folder / 'known_hosts'}",
        "globalknownhostsfile /dev/null",
    ):
        assert line in read


def test_known_hosts_hold_each_node_under_its_name(inventory: Inventory) -> None:
    write_ssh_files(inventory)
    text = (inventory.folder / "known_hosts").read_text(encoding="utf-8")
    assert text == "salt ssh-ed25519 KEY10\nweb ssh-ed25519 KEY11\n"


def test_writing_again_says_whether_anything_changed(inventory: Inventory) -> None:
    assert write_ssh_files(inventory) is True
    assert write_ssh_files(inventory) is False
    (inventory.folder / "known_hosts").write_text("salt ssh-ed25519 OLD\n", encoding="utf-8")
    assert write_ssh_files(inventory) is True


def test_sockets_fit_and_differ_between_instances(tmp_path: Path) -> None:
    one, two = (control_path(tmp_path / name, "n" * 31) for name in ("test", "test~copy"))
    assert one != two
    assert len(str(one)) + 20 < 108  # ssh makes it under a longer name first


def test_socket_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    monkeypatch.setattr(module, "control_folder", lambda: folder)
    with pytest.raises(DeployKitError, match="not this user's alone"):
        make_control_folder()


def test_ansible_groups_are_roles(inventory: Inventory) -> None:
    children = ansible_inventory(inventory)["all"]["children"]  # type: ignore[index]
    assert set(children) == {"master", "masters", "load_balancer", "minions"}
    assert set(children["load_balancer"]["hosts"]) == {"web"}


def test_ansible_and_the_master_know_interfaces_by_network(
    inventory: Inventory, tmp_path: Path
) -> None:
    file = tmp_path / "test.yml"
    text = TEXT.replace("0/24}}", '0/24, cidr6: "fd30::/64", interface: bond0}}')
    text = text.replace(
        "at: 11}", "at: 11, interfaces: {management: eno1}, links: {eno1: {mtu: 9000}}}"
    )
    file.write_text(text.replace("nodes:", "links: {bond0: {bond: [a, b], mtu: 9000}}\nnodes:"))
    named = replace(inventory, environment=parse_environment(file))
    hosts = ansible_inventory(named)["all"]["hosts"]  # type: ignore[index]
    assert hosts["salt"]["interfaces"] == {"management": "bond0"}
    assert hosts["web"]["interfaces"] == {"management": "eno1"}
    counted = ansible_inventory(inventory)["all"]["hosts"]  # type: ignore[index]
    assert counted["web"]["interfaces"] == {"management": "eth1"}
    assert node_facts(named.environment, named.hosts)["web"] == {
        "roles": ["load-balancer"],
        "addresses": {"management": "10.30.0.11"},
        "addresses6": {"management": "fd30::b"},
        "links": {"management": {"interface": "eno1", "mtu": 9000}},
    }
    assert node_facts(inventory.environment, inventory.hosts)["web"] == {
        "roles": ["load-balancer"],
        "addresses": {"management": "10.30.0.11"},
        "links": {"management": {"interface": "eth1"}},
    }


def test_operators_are_the_accounts_that_day_0_makes(inventory: Inventory) -> None:
    assert ansible_inventory(inventory)["all"]["vars"] == {"users_accounts": []}  # type: ignore[index]
    alice = Operator("alice", ("ssh-ed25519 KEY",), sudo=True)
    environment = replace(inventory.environment, operators=(alice,))
    given = ansible_inventory(replace(inventory, environment=environment))["all"]["vars"]  # type: ignore[index]
    assert given["users_accounts"] == [
        {"name": "alice", "ssh_keys": ["ssh-ed25519 KEY"], "sudo": True}
    ]


def test_other_operators_are_a_reason_for_day_0_to_run_again(
    inventory: Inventory, checkout: Path
) -> None:
    alice = Operator("alice", ("ssh-ed25519 KEY",))
    environment = replace(inventory.environment, operators=(alice,))
    before = day0_key(checkout / "ansible", inventory)
    after = day0_key(checkout / "ansible", replace(inventory, environment=environment))
    assert before == day0_key(checkout / "ansible", inventory) != after


def test_master_is_a_minion_only_where_it_has_other_roles(inventory: Inventory) -> None:
    groups = ansible_inventory(inventory)["all"]["children"]  # type: ignore[index]
    assert set(groups["masters"]["hosts"]) == {"salt"}
    assert set(groups["minions"]["hosts"]) == {"web"}
    assert minions_of(inventory) == ["web"]
    salt, web = inventory.hosts
    both = replace(inventory, hosts=(replace(salt, roles=("master", "database")), web))
    groups = ansible_inventory(both)["all"]["children"]  # type: ignore[index]
    assert set(groups["masters"]["hosts"]) == {"salt"}
    assert set(groups["minions"]["hosts"]) == {"salt", "web"}
    assert minions_of(both) == ["salt", "web"]
