"""The embedded default: nodes are LXD containers with systemd, copied from one base image."""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from deploykit.base import times
from deploykit.base.parallel import in_parallel
from deploykit.base.progress import Progress
from deploykit.host.fit import demand_fit
from deploykit.nodes.inventory import Host, Inventory, write_ssh_files
from deploykit.nodes.ssh import close_all, run_on
from deploykit.providers import NodeState, NodeStatus, Snapshot, parse_instance
from deploykit.providers.common import demand_deletable, not_up, read_inventory
from deploykit.providers.lxd import snapshot as snapshots
from deploykit.providers.lxd.api import POOL, Lxd, is_installed, pool_room
from deploykit.providers.lxd.bases import ensure_base
from deploykit.providers.lxd.host import LXD_HOST
from deploykit.providers.lxd.instance import AT_ONCE, remove_instance
from deploykit.providers.lxd.network import (
    ensure_networks,
    ensure_profile,
    ensure_project,
    holding,
    tag_project,
)
from deploykit.providers.lxd.node import demand_same, ensure_node, wait_for_node
from deploykit.providers.lxd.plan import (
    TAG,
    Names,
    Source,
    demand_names,
    instance_tags,
    machine_id,
    node_request,
    uplink_addresses,
)
from deploykit.site import Site
from deploykit.site.environment import Environment, Node
from deploykit.site.instance import Instance
from deploykit.site.provisioning import forget_key, own_key

PROTECTION = "security.protection.delete"


class LxdProvider:
    """Nodes of one site in LXD: a project per instance, bridges and tags that carry the site's id.

    Nothing here touches what does not carry the site's id, except the shared images and bases.
    Without `volumes` nodes may have the role `volume`, though none can be kept on them: for tries
    of everything else.
    """

    on_host = LXD_HOST

    def __init__(self, site: Site, *, volumes: bool = True) -> None:
        self._site = site
        self._volumes = volumes

    def examine(self, environment: Environment) -> None:
        """See Examines."""
        demand_names(environment)

    def build_image(self, progress: Progress, *, installed: bool) -> str:
        """See Images."""
        return ensure_base(Lxd(), self._site, progress, installed=installed)

    def up(
        self,
        environment: Environment,
        instance: Instance,
        tags: Mapping[str, str],
        progress: Progress,
    ) -> Inventory:
        """See Provider. Raises DeployKitError if LXD refuses, NodeUnreachable by node."""
        lxd = Lxd()
        self._demand_fit(lxd, environment, instance)
        bases = self._bases(lxd, environment, progress)
        sources = {n.name: Source("default", bases[n.privileged]) for n in environment.nodes}
        image = next(iter(bases.values())).split("-")[1]
        return self._bring_up(
            lxd, environment, instance, tags, sources=sources, image=image, progress=progress
        )

    def copy(
        self,
        environment: Environment,
        instance: Instance,
        snapshot: Snapshot,
        tags: Mapping[str, str],
        progress: Progress,
    ) -> Inventory:
        """See Copies. Raises DeployKitError if LXD refuses, NodeUnreachable by node."""
        lxd = Lxd()
        source = Names(self._site.id, snapshot.instance)
        snapshots.demand(lxd, source, snapshot.name, (node.name for node in environment.nodes))
        self._demand_fit(lxd, environment, instance)
        image = self.tags(snapshot.instance).get("image", "")
        sources = {
            node.name: Source(source.project, f"{node.name}/{snapshot.name}")
            for node in environment.nodes
        }
        return self._bring_up(
            lxd, environment, instance, tags, sources=sources, image=image, progress=progress
        )

    def _bring_up(
        self,
        lxd: Lxd,
        environment: Environment,
        instance: Instance,
        tags: Mapping[str, str],
        *,
        sources: Mapping[str, Source],
        image: str,
        progress: Progress,
    ) -> Inventory:
        """The nodes, up; what is missing is copied from `sources`, which go back to `image`."""
        names = Names(self._site.id, instance)
        with holding(self._site.state / "locks" / str(instance)):
            key = own_key(self._site, instance)
            title = f"{instance}: {len(environment.nodes)} nodes up"
            with progress.step(title) as step:
                given = instance_tags(names, environment, self._tags(lxd, names, tags))
                here = {f"{TAG}folder": str(self._site.folder), f"{TAG}image": image}
                ensure_project(lxd, names, {**given, **here})
                demand_same(names, environment, _nodes_there(lxd, names))
                step.note("bridges")
                uplink = ensure_networks(lxd, self._site, names, environment)
                ensure_profile(lxd, names, environment)
                step.note("nodes")
                hosts = self._nodes(
                    lxd, names, environment, sources=sources, uplink=uplink, key=key, tags=given
                )
                inventory = Inventory(
                    environment, instance, hosts, key, self._site.instance(instance)
                )
                if write_ssh_files(inventory):
                    close_all(inventory.folder)  # they may lead to nodes that are gone
                step.note("SSH")
                in_parallel(
                    hosts, lambda host: run_on(host, inventory, ["true"], timeout=30), AT_ONCE
                )
        return inventory

    def down(self, instance: Instance, progress: Progress) -> None:
        """See Provider. Also clears what a killed `up` or `down` left."""
        demand_deletable(instance, self.tags(instance))
        names = Names(self._site.id, instance)
        lxd = Lxd()
        folder = self._site.instance(instance)
        with (
            holding(self._site.state / "locks" / str(instance)),
            progress.step(f"{instance}: down"),
        ):
            close_all(folder)
            remove_instance(lxd, names)
            shutil.rmtree(folder, ignore_errors=True)
            forget_key(self._site, instance)

    def drop(self, instance: Instance, node: str, progress: Progress) -> None:
        """See SingleNodes."""
        with self._alone(instance, f"{instance}: {node} down", progress) as names:
            Lxd().remove(node, names.project)

    def save(self, instance: Instance, name: str, progress: Progress) -> None:
        """See Snapshots."""
        with self._alone(instance, f"{instance}: snapshot {name}", progress) as names:
            snapshots.save(Lxd(), names, name)

    def bring_back(self, instance: Instance, name: str, progress: Progress) -> None:
        """See Snapshots."""
        with self._alone(instance, f"{instance}: back to {name}", progress) as names:
            snapshots.bring_back(Lxd(), names, name)

    def inventory(self, environment: Environment, instance: Instance) -> Inventory:
        """The instance as `up` left it. Raises DeployKitError if it is not up."""
        return read_inventory(self._site, environment, instance, self.status)

    def status(self, environment: Environment, instance: Instance) -> list[NodeStatus]:
        names = Names(self._site.id, instance)
        lxd = Lxd()
        containers: dict[str, Any] = {}
        if lxd.find(f"projects/{names.project}") is not None:
            listing = lxd.get("instances", names.project, recursion="2")
            containers = {container["name"]: container for container in listing}
        return [_status(node, containers.get(node.name)) for node in environment.nodes]

    def tag(self, instance: Instance, tags: Mapping[str, str]) -> None:
        names = Names(self._site.id, instance)
        lxd = Lxd()
        config = {TAG + key: value for key, value in tags.items()}
        project = lxd.find(f"projects/{names.project}")
        if project is None:
            raise not_up(instance)
        tag_project(lxd, names, project, config)
        _configure_nodes(lxd, names, config)

    def protect(self, instance: Instance, on: bool) -> None:
        """See Protects."""
        names = Names(self._site.id, instance)
        lxd = Lxd()
        if lxd.find(f"projects/{names.project}") is None:
            raise not_up(instance)
        _configure_nodes(lxd, names, {PROTECTION: "true" if on else "false"})

    def tags(self, instance: Instance) -> dict[str, str]:
        names = Names(self._site.id, instance)
        project = Lxd().find(f"projects/{names.project}")
        config = project["config"] if project else {}
        return {key.removeprefix(TAG): v for key, v in config.items() if key.startswith(TAG)}

    def instances(self) -> list[Instance]:
        if not is_installed():
            return []
        projects = Lxd().get("projects", recursion="1")
        own = [p["config"] for p in projects if p["config"].get(f"{TAG}site") == self._site.id]
        return [parse_instance(name) for name in sorted(config[f"{TAG}instance"] for config in own)]

    @contextmanager
    def _alone(self, instance: Instance, title: str, progress: Progress) -> Iterator[Names]:
        """Nobody else works on the instance, and connections to its nodes are closed."""
        names = Names(self._site.id, instance)
        with holding(self._site.state / "locks" / str(instance)), progress.step(title):
            close_all(self._site.instance(instance))
            yield names

    def _demand_fit(self, lxd: Lxd, environment: Environment, instance: Instance) -> None:
        self.examine(environment)
        running = {
            node.name
            for node in self.status(environment, instance)
            if node.state == NodeState.RUNNING
        }
        nodes = [node for node in environment.nodes if node.name not in running]
        pool = lxd.find(f"storage-pools/{POOL}")
        if nodes and pool is not None:
            free, _ = pool_room(lxd, pool["driver"])
            demand_fit(self._site, environment, nodes, free, volumes=self._volumes)

    def _bases(self, lxd: Lxd, environment: Environment, progress: Progress) -> dict[bool, str]:
        """The base to copy from, by whether the node is privileged."""
        return {
            kind: ensure_base(
                lxd, self._site, progress, installed=environment.installed, privileged=kind
            )
            for kind in sorted({node.privileged for node in environment.nodes})
        }

    def _tags(self, lxd: Lxd, names: Names, tags: Mapping[str, str]) -> dict[str, str]:
        project = lxd.find(f"projects/{names.project}")
        before = project["config"].get(f"{TAG}created") if project else None
        now = times.iso(times.utc_now())
        return {"owner": getpass.getuser(), **tags, "created": before or now}

    def _nodes(
        self,
        lxd: Lxd,
        names: Names,
        environment: Environment,
        *,
        sources: Mapping[str, Source],
        uplink: IPv4Network,
        key: Path,
        tags: Mapping[str, str],
    ) -> tuple[Host, ...]:
        containers = _nodes_there(lxd, names)
        addresses = uplink_addresses(environment, uplink)
        public = Path(f"{key}.pub").read_text(encoding="utf-8").strip()

        def bring_up(node: Node) -> Host:
            source, address = sources[node.name], addresses[node.name]
            request = node_request(
                environment,
                node,
                names,
                source=source,
                address=address,
                authorized_key=public,
                tags=tags,
            )
            created = tags[f"{TAG}created"]
            machine = machine_id(names, node.name, created) if source.is_node else None
            ensure_node(lxd, names, node, request, containers.get(node.name), machine=machine)
            return wait_for_node(lxd, names, environment, node, str(address))

        return tuple(in_parallel(environment.nodes, bring_up, AT_ONCE))


def _nodes_there(lxd: Lxd, names: Names) -> dict[str, Any]:
    """The instance's nodes as LXD has them, by name."""
    listing = lxd.get("instances", names.project, recursion="1")
    return {container["name"]: container for container in listing}


def _configure_nodes(lxd: Lxd, names: Names, config: Mapping[str, str]) -> None:
    """Add `config` to that of each node of the instance."""
    in_parallel(
        _nodes_there(lxd, names),
        lambda node: lxd.patch(f"instances/{node}", {"config": config}, names.project),
        AT_ONCE,
    )


def _status(node: Node, container: Mapping[str, Any] | None) -> NodeStatus:
    if container is None:
        return NodeStatus(node.name, node.roles, NodeState.MISSING, "", 0)
    address = container["devices"].get("eth0", {}).get("ipv4.address", "")
    memory = ((container.get("state") or {}).get("memory") or {}).get("usage", 0)
    state = NodeState.RUNNING if container["status"] == "Running" else NodeState.STOPPED
    return NodeStatus(node.name, node.roles, state, address, memory)
