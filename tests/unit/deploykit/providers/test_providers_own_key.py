"""Each instance has a key of its own; those made with the site's one key move over."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import DeployKitError, NodeUnreachable
from deploykit.nodes import rekey
from deploykit.nodes.inventory import Host, Inventory, write_ssh_files
from deploykit.providers import NodeState, NodeStatus, common
from deploykit.providers.common import read_inventory, with_own_key
from deploykit.providers.lxd.node import ensure_node
from deploykit.providers.lxd.plan import Names, Source, node_request, uplink_addresses
from deploykit.site import Site
from deploykit.site.environment import Environment, parse_environment
from deploykit.site.instance import Instance
from deploykit.site.keypair import make_key
from deploykit.site.provisioning import (
    forget_key,
    key_in_force,
    own_key,
    own_key_file,
    sites_key,
)

TEXT = """\
name: lab
networks: {management: {cidr: 10.30.0.0/24}}
nodes: {salt: {roles: [master], at: 10}, web: {roles: [cache], at: 11}}
"""
LAB, COPY = Instance("lab"), Instance("lab", copy="upgrade-7")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    file = tmp_path / "lab.yml"
    file.write_text(TEXT, encoding="utf-8")
    return parse_environment(file)


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME for each node, where the lines that SSH would carry there are run here.

    Only by a key that its authorized_keys has; `unreachable` is a file that names who is away.
    """
    folder = tmp_path / "nodes"

    def run_on(host: Host, inventory: Inventory, argv: Sequence[str], **_: Any) -> None:
        home = folder / host.name
        config = inventory.ssh_config.read_text()
        named = [line.split('"')[1] for line in config.splitlines() if "IdentityFile" in line]
        lines = (home / ".ssh/authorized_keys").read_text()
        if not any(public(Path(key)) in lines for key in named) or (home / "away").exists():
            raise NodeUnreachable(f"{host.name} is not reachable")
        subprocess.run(argv, env={**os.environ, "HOME": str(home)}, check=True, timeout=20)

    monkeypatch.setattr(rekey, "run_on", run_on)
    return folder


@pytest.fixture
def old(site: Site, environment: Environment, nodes: Path) -> Inventory:
    """An instance as it was made before: with the site's key."""
    make_key(sites_key(site), "deploy-kit site")
    hosts = tuple(
        Host(node.name, node.roles, "192.0.2.1", "root", environment.addresses(node), ("t KEY",))
        for node in environment.nodes
    )
    for host in hosts:
        file = nodes / host.name / ".ssh" / "authorized_keys"
        file.parent.mkdir(parents=True)
        file.write_text(f"ssh-ed25519 AAAAother jo\n{line(sites_key(site))}\n")
    found = Inventory(environment, LAB, hosts, sites_key(site), site.instance(LAB))
    write_ssh_files(found)
    return found


def line(key: Path) -> str:
    return Path(f"{key}.pub").read_text().strip()


def public(key: Path) -> str:
    return " ".join(line(key).split()[:2])


def accepted(nodes: Path, name: str) -> list[str]:
    text = (nodes / name / ".ssh" / "authorized_keys").read_text()
    return [" ".join(entry.split()[:2]) for entry in text.splitlines()]


def test_instances_share_no_key(site: Site) -> None:
    keys = {public(key_in_force(site, one)) for one in (LAB, COPY, Instance("production"))}
    assert len(keys) == 3
    assert key_in_force(site, LAB) == key_in_force(site, LAB)
    assert own_key_file(site, COPY).stat().st_mode & 0o077 == 0


def test_key_goes_with_its_nodes(site: Site) -> None:
    before = public(own_key(site, COPY))
    forget_key(site, COPY)
    assert not list((site.keys / "nodes").glob(f"{COPY}*"))
    assert public(own_key(site, COPY)) != before


def test_new_instance_beside_old_ones_has_its_own(site: Site, old: Inventory) -> None:
    assert key_in_force(site, LAB) == sites_key(site)
    assert key_in_force(site, COPY) == own_key_file(site, COPY)


def test_instance_with_the_sites_key_moves_over(site: Site, old: Inventory, nodes: Path) -> None:
    new = with_own_key(site, old)
    assert new.ssh_key == own_key_file(site, LAB) == key_in_force(site, LAB)
    for name in ("salt", "web"):
        assert accepted(nodes, name) == ["ssh-ed25519 AAAAother", public(new.ssh_key)]
        file = nodes / name / ".ssh" / "authorized_keys"
        assert file.stat().st_mode & 0o777 == 0o600
    assert f'IdentityFile "{new.ssh_key}"' in new.ssh_config.read_text()
    assert with_own_key(site, new) == new


def test_node_that_is_away_leaves_a_way_in_and_the_next_try_goes_on(
    site: Site, old: Inventory, nodes: Path
) -> None:
    (nodes / "web" / "away").touch()
    with pytest.raises(NodeUnreachable, match="web"):
        with_own_key(site, old)
    assert key_in_force(site, LAB) == sites_key(site)
    assert accepted(nodes, "web")[1] == public(sites_key(site))
    (nodes / "web" / "away").unlink()
    new = with_own_key(site, old)
    for name in ("salt", "web"):
        assert accepted(nodes, name)[1:] == [public(new.ssh_key)]


@pytest.mark.parametrize("at", ["replace_key", "write_ssh_files"])
def test_move_that_was_killed_is_finished_by_the_next(
    site: Site, old: Inventory, nodes: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """After the nodes had the new key, and after it was in its place here."""
    real = getattr(common, at)

    def killed(*words: Any) -> None:
        if at == "replace_key":
            real(*words)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(common, at, killed)
        with pytest.raises(KeyboardInterrupt):
            with_own_key(site, old)
    new = with_own_key(site, replace(old, ssh_key=key_in_force(site, LAB)))
    common.renew_ssh_config(new)
    assert f'IdentityFile "{new.ssh_key}"' in new.ssh_config.read_text()
    for name in ("salt", "web"):
        assert accepted(nodes, name)[1:] == [public(new.ssh_key)]


def test_up_that_was_killed_before_every_node_had_the_key_leaves_a_way_in(
    site: Site, old: Inventory, nodes: Path
) -> None:
    """`up` makes the key first and hands it out through LXD, in the place of what was there."""
    own = own_key(site, LAB)
    (nodes / "web/.ssh/authorized_keys").write_text(f"ssh-ed25519 AAAAother jo\n{line(own)}\n")
    assert key_in_force(site, LAB) == sites_key(site)
    new = with_own_key(site, replace(old, ssh_key=key_in_force(site, LAB)))
    assert new.ssh_key == own == key_in_force(site, LAB)
    for name in ("salt", "web"):
        assert accepted(nodes, name)[1:] == [public(own)]


def test_instance_with_a_stopped_node_is_not_moved_before_it_runs(
    site: Site, environment: Environment, old: Inventory, nodes: Path
) -> None:
    power = {"salt": NodeState.RUNNING, "web": NodeState.STOPPED}

    def status(environment: Environment, instance: Instance) -> list[NodeStatus]:
        return [NodeStatus(n.name, n.roles, power[n.name], "", 0) for n in environment.nodes]

    (nodes / "web" / "away").touch()
    with pytest.raises(DeployKitError, match="web is not reachable"):
        with_own_key(site, read_inventory(site, environment, LAB, status))
    assert key_in_force(site, LAB) == sites_key(site)
    assert public(sites_key(site)) in accepted(nodes, "salt")
    power["web"] = NodeState.RUNNING
    (nodes / "web" / "away").unlink()
    new = with_own_key(site, read_inventory(site, environment, LAB, status))
    for name in ("salt", "web"):
        assert accepted(nodes, name)[1:] == [public(new.ssh_key)]


class Containers:
    """LXD as far as a node that is there needs it: what is written, patched and started."""

    def __init__(self) -> None:
        self.did: list[tuple[str, str]] = []

    def write_file(self, node: str, path: str, text: str, *, mode: str, project: str) -> None:
        self.did.append((f"{path} {mode}", text))

    def patch(self, path: str, body: dict[str, Any], project: str) -> None:
        self.did.append((path, " ".join(sorted(body["config"]))))

    def start(self, node: str, project: str) -> None:
        self.did.append((node, "started"))


@pytest.mark.parametrize("power", ["Running", "Stopped"])
def test_node_in_lxd_that_has_another_key_gets_this_one_before_it_starts(
    site: Site, environment: Environment, power: str
) -> None:
    """An old one, and one that was brought back to a snapshot from before its instance moved."""
    node, names = environment.nodes[0], Names(site.id, LAB)
    from ipaddress import IPv4Network

    address = uplink_addresses(environment, IPv4Network("10.128.5.0/24"))[node.name]

    def request(key: str) -> dict[str, Any]:
        return node_request(
            environment,
            node,
            names,
            source=Source("default", "b"),
            address=address,
            authorized_key=key,
            tags={},
        )

    lxd: Any = Containers()
    found = {"config": request("ssh-ed25519 OLD")["config"], "status": power}
    ensure_node(lxd, names, node, request("ssh-ed25519 NEW"), found)
    assert lxd.did == [
        ("/root/.ssh/authorized_keys 0600", "ssh-ed25519 NEW\n"),
        ("instances/salt", "user.deploykit.authorized-keys"),
        *([("salt", "started")] if power == "Stopped" else []),
    ]
