"""A provider whose nodes are folders in the site's state: <state>/nodes/INSTANCE/NODE.

Each node's folder holds `power` (running or stopped), `look.json` and `packages` (how it looks to
somebody who asks over SSH) and whatever day 0, the agent and Salt leave there. The instance's
folder holds `tags.json`. nodebin/ssh, put first on PATH, is how they are reached.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from deploykit.base import times
from deploykit.base.errors import DeployKitError
from deploykit.base.progress import Progress
from deploykit.nodes.inventory import Host, Inventory, write_ssh_files
from deploykit.providers import NodeStatus, Snapshot, parse_instance
from deploykit.providers.common import demand_deletable
from deploykit.site import Site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance
from deploykit.site.provisioning import forget_key, own_key

LOOK = {
    "taken": 0.0,
    "services": {},
    "packages": {"keystone": "1.0"},
    "files": {},
    "managed": {},
}
PACKAGES = "ii  keystone 1.0\n--\n"


class FakeProvider:
    """Fulfils the contract of deploykit.providers.Copies."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._root = site.state / "nodes"

    def node(self, instance: Instance, name: str) -> Path:
        """The folder that is the node."""
        return self._root / str(instance) / name

    def power_off(self, instance: Instance, name: str) -> None:
        """Take the current away; `up` brings it back."""
        (self.node(instance, name) / "power").write_text("stopped")

    def up(
        self,
        environment: Environment,
        instance: Instance,
        tags: Mapping[str, str],
        progress: Progress,
    ) -> Inventory:
        for node in environment.nodes:
            folder = self.node(instance, node.name)
            (folder / "tmp").mkdir(parents=True, exist_ok=True)
            (folder / "look.json").write_text(json.dumps(LOOK))
            (folder / "packages").write_text(PACKAGES)
            (folder / "power").write_text("running")
        self.tag(instance, tags)
        inventory = self.inventory(environment, instance)
        write_ssh_files(inventory)
        return inventory

    def save(self, instance: Instance, name: str, progress: Progress) -> None:
        root = self._root / str(instance)
        for power in root.glob("*/power"):
            power.write_text("stopped")
        shutil.copytree(root, self._snapshot_folder(Snapshot(instance, name)), symlinks=True)

    def bring_back(self, instance: Instance, name: str, progress: Progress) -> None:
        raise NotImplementedError

    def copy(
        self,
        environment: Environment,
        instance: Instance,
        snapshot: Snapshot,
        tags: Mapping[str, str],
        progress: Progress,
    ) -> Inventory:
        root = self._root / str(instance)
        shutil.copytree(self._snapshot_folder(snapshot), root, symlinks=True)
        (root / "tags.json").unlink()
        return self.up(
            environment, instance, {"created": times.iso(times.utc_now()), **tags}, progress
        )

    def _snapshot_folder(self, snapshot: Snapshot) -> Path:
        return self._site.state / "kept" / f"{snapshot.instance}-{snapshot.name}"

    def protect(self, instance: Instance, on: bool) -> None:
        self.tag(instance, {"refuses to go": "true" if on else ""})

    def down(self, instance: Instance, progress: Progress) -> None:
        demand_deletable(instance, self.tags(instance))
        assert not self.tags(instance).get("refuses to go")
        for folder in (self._root / str(instance), self._site.instance(instance)):
            if folder.exists():
                shutil.rmtree(folder)
        forget_key(self._site, instance)

    def drop(self, instance: Instance, node: str, progress: Progress) -> None:
        shutil.rmtree(self.node(instance, node), ignore_errors=True)

    def inventory(self, environment: Environment, instance: Instance) -> Inventory:
        if not (self._root / str(instance)).is_dir():
            raise DeployKitError(f"{instance} is not up", f"deploy-kit env up {instance}")
        return Inventory(
            environment=environment,
            instance=instance,
            hosts=tuple(
                Host(
                    name=node.name,
                    roles=node.roles,
                    ssh_address=str(self.node(instance, node.name)),
                    ssh_user="root",
                    addresses=environment.addresses(node),
                    host_keys=(f"ssh-ed25519 {instance}-{node.name}",),
                )
                for node in environment.nodes
            ),
            ssh_key=own_key(self._site, instance),
            folder=self._site.instance(instance),
        )

    def status(self, environment: Environment, instance: Instance) -> list[NodeStatus]:
        return [
            NodeStatus(node.name, node.roles, self._power(instance, node.name), "", 0)
            for node in environment.nodes
        ]

    def _power(self, instance: Instance, name: str) -> str:
        file = self.node(instance, name) / "power"
        return file.read_text() if file.exists() else "missing"

    def tag(self, instance: Instance, tags: Mapping[str, str]) -> None:
        file = self._root / str(instance) / "tags.json"
        file.write_text(json.dumps({**self.tags(instance), **tags}))

    def tags(self, instance: Instance) -> dict[str, str]:
        file = self._root / str(instance) / "tags.json"
        tags: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return tags

    def instances(self) -> list[Instance]:
        return [parse_instance(name) for name in sorted(e.name for e in self._root.glob("*"))]


def greets(address: str, seconds: float, port: int = 22) -> bool:
    """In the place of asking an SSH server: the address of a node is its folder."""
    power = Path(address, "power")
    return power.exists() and power.read_text() == "running"
