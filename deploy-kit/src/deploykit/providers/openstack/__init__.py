"""Nodes are servers of an OpenStack cloud: of one of clouds.yaml, the preferred one that fits.

What is ours there has our mark from the request that makes it, and is found by it. The way in is
one floating address, the master's; the other nodes are reached from there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deploykit.base.errors import DeployKitError, InputError, Refused
from deploykit.base.filelock import locked
from deploykit.base.parallel import in_parallel
from deploykit.base.progress import Progress
from deploykit.base.yamlfile import load
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import close_all
from deploykit.providers import NodeState, NodeStatus, parse_instance
from deploykit.providers.common import (
    marked,
    not_up,
    read_inventory,
    read_mark,
    write_mark,
)
from deploykit.providers.openstack.access import reached
from deploykit.providers.openstack.cloud import (
    INSTALL,
    MISSING,
    Cloud,
    is_installed,
    known_clouds,
)
from deploykit.providers.openstack.fate import state_of
from deploykit.providers.openstack.instance import (
    AT_ONCE,
    clear_failed,
    instances_in,
    look,
    remove,
    servers_of,
    wait_gone,
)
from deploykit.providers.openstack.making import Maker
from deploykit.providers.openstack.marks import Mark, tag_metadata, tags_of
from deploykit.providers.openstack.nodeimage import build_disk
from deploykit.providers.openstack.plan import UPLINK, ssh_addresses
from deploykit.site import Site
from deploykit.site.clouds import Clouds, parse_clouds
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance
from deploykit.site.provisioning import forget_key, own_key

MARK = "openstack.json"  # in the instance's folder: the cloud that it is in, its tags
SECTION = "openstack"  # in site.yml and in an environment's file
UPLINK_CARD = "eth0"
LOCK_SECONDS = 3600.0


class OpenstackProvider:
    """The environments of one site that are made of servers. See Provider."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._clouds: dict[str, Cloud] = {}

    def examine(self, environment: Environment) -> None:
        """See Examines: a cloud is named, and no interface has the uplink's name."""
        root = load(environment.file)
        if not self._settings(environment).names:
            at = root.mapping().get(SECTION, root.mapping().get("provider", root))
            raise at.error(
                f"the provider {environment.provider} is not told in which cloud",
                "openstack: {clouds: [NAME]}, NAME of your clouds.yaml; here, or in site.yml",
            )
        for net in environment.networks:
            entry = root.mapping()["networks"].mapping()[net.name]
            if net.name == UPLINK:
                raise entry.error(f"'{UPLINK}' is the network by which nodes are reached")
            if any(node.interface(net) == UPLINK_CARD for node in environment.nodes):
                raise (
                    entry.mapping()
                    .get("interface", entry)
                    .error(
                        f"{UPLINK_CARD} is the uplink where {environment.provider} makes the nodes",
                        f"give the interface in {net.name} another name",
                    )
                )

    def build_image(self, progress: Progress, *, installed: bool) -> str:
        """See Images: the disk, on this machine; `up` uploads it where it is missing."""
        disk = build_disk(self._site, progress, installed=installed)
        return f"{disk.file} ({disk.format}, key {disk.key})"

    def up(
        self,
        environment: Environment,
        instance: Instance,
        tags: Mapping[str, str],
        progress: Progress,
    ) -> Inventory:
        """See Provider. Raises Refused if none of the clouds can carry it: nothing was made then;
        DeployKitError if a cloud refuses, NodeUnreachable by node."""
        self.examine(environment)
        if not is_installed():
            raise DeployKitError(MISSING, INSTALL)
        tag_metadata(tags)  # before anything is made
        mark, settings = self._mark(instance), self._settings(environment)
        title = f"{instance}: {len(environment.nodes)} servers up"
        with locked(self._lock(instance), LOCK_SECONDS):
            own_key(self._site, instance)
            maker = self._choose(environment, instance, settings)
            cloud = maker.cloud
            write_mark(self._site, instance, MARK, tags, cloud=cloud.name)
            maker.ensure_image(progress)
            with progress.step(title) as step:
                servers = maker.make(self.tags(instance), step)
                addresses = ssh_addresses(environment, maker.found.seen)
                step.note("SSH")
                inventory = reached(
                    Inventory(
                        environment,
                        instance,
                        (),
                        own_key(self._site, instance),
                        self._site.instance(instance),
                    ),
                    servers,
                    addresses,
                )
                self._retag(cloud, mark, {**self.tags(instance), **tags})
        return inventory

    def down(self, instance: Instance, progress: Progress) -> None:
        """See Provider. Also clears what a killed `up` or `down` left, in whichever cloud."""
        mark, folder = self._mark(instance), self._site.instance(instance)
        with (
            locked(self._lock(instance), LOCK_SECONDS),
            progress.step(f"{instance}: down") as step,
        ):
            close_all(folder)
            for cloud in self._clouds_of(instance):
                remove(cloud, mark, step)
            shutil.rmtree(folder, ignore_errors=True)
            forget_key(self._site, instance)

    def drop(self, instance: Instance, node: str, progress: Progress) -> None:
        """See SingleNodes: its server. Its ports stay for the one that comes after."""
        mark = self._mark(instance)
        with (
            locked(self._lock(instance), LOCK_SECONDS),
            progress.step(f"{instance}: {node} down"),
        ):
            close_all(self._site.instance(instance))
            cloud = self._cloud_of(instance)
            server = servers_of(cloud, mark).get(node) if cloud else None
            if cloud is not None and server is not None:
                cloud.remove("server", server["id"])
                wait_gone(cloud, mark, {node})

    def inventory(self, environment: Environment, instance: Instance) -> Inventory:
        """The instance as `up` left it. Raises DeployKitError if it is not up."""
        return read_inventory(self._site, environment, instance, self.status)

    def status(self, environment: Environment, instance: Instance) -> list[NodeStatus]:
        cloud = self._cloud_of(instance)
        found = look(cloud, self._mark(instance)) if cloud else None
        servers = found.servers if found else {}
        addresses = ssh_addresses(environment, found.seen) if found else {}

        def one(name: str) -> tuple[NodeState, str]:
            state = state_of(servers.get(name))
            return state, "" if state is NodeState.MISSING else addresses.get(name, "")

        return [NodeStatus(node.name, node.roles, *one(node.name), 0) for node in environment.nodes]

    def tag(self, instance: Instance, tags: Mapping[str, str]) -> None:
        cloud = self._cloud_of(instance)
        servers = servers_of(cloud, self._mark(instance)) if cloud else {}
        if cloud is None or not servers:
            raise not_up(instance)
        self._retag(cloud, self._mark(instance), tags)
        write_mark(self._site, instance, MARK, tags, cloud=cloud.name)

    def tags(self, instance: Instance) -> dict[str, str]:
        kept: dict[str, str] = read_mark(self._site, instance, MARK).get("tags", {})
        cloud = self._cloud_of(instance)
        servers = servers_of(cloud, self._mark(instance)) if cloud else {}
        for _, server in sorted(servers.items()):
            return {**kept, **tags_of(server)}
        return kept

    def instances(self) -> list[Instance]:
        found = {str(instance) for instance in marked(self._site, MARK)}
        if is_installed():
            known = known_clouds()
            clouds = [self._cloud(name) for name in self._all_names() if name in known]
            site = self._mark(Instance("any")).site
            for names in in_parallel(clouds, lambda cloud: instances_in(cloud, site), AT_ONCE):
                found |= names
        return [parse_instance(name) for name in sorted(found)]

    def _choose(self, environment: Environment, instance: Instance, settings: Clouds) -> Maker:
        """The cloud that has something of the instance; else the first of the list that can carry
        it. Raises Refused with what keeps each from it."""
        mark = self._mark(instance)
        chosen = read_mark(self._site, instance, MARK).get("cloud")
        names = [chosen] if chosen else list(settings.names)
        makers, refusals = [], []
        for name in names:
            try:
                makers.append(Maker(self._site, self._cloud(name), mark, environment, settings))
            except DeployKitError as error:  # of several, another may do
                if len(names) == 1:
                    raise
                refusals.append(error.message)
        begun = [maker for maker in makers if maker.found.seen]
        for maker in begun or makers:
            maker.found = clear_failed(maker.cloud, mark, maker.found)
            problems = maker.problems()
            if not problems:
                return maker
            refusals += [f"cloud {maker.cloud.name}: {problem}" for problem in problems]
        raise Refused(
            f"{instance}: {'its cloud cannot' if len(names) == 1 else 'none of its clouds can'} "
            "carry it; nothing was made",
            "\n".join(refusals),
        )

    def _retag(self, cloud: Cloud, mark: Mark, tags: Mapping[str, str]) -> None:
        """Give every server of the instance `tags`, where it has not the same."""
        for server in servers_of(cloud, mark).values():
            there: Mapping[str, Any] = server["metadata"]
            new = {k: v for k, v in tag_metadata(tags).items() if there.get(k) != v}
            if new:
                path = f"/servers/{server['id']}/metadata"
                cloud.act("compute", "POST", path, {"metadata": new})

    def _clouds_of(self, instance: Instance) -> Iterator[Cloud]:
        """The clouds that may have something of an instance: the one that the mark names, and those
        of its environment and site."""
        chosen = read_mark(self._site, instance, MARK).get("cloud")
        known = known_clouds() if is_installed() else frozenset()
        names = [chosen] if chosen else []
        names += [name for name in self._names(instance) if name in known]
        for name in dict.fromkeys(names):
            yield self._cloud(name)

    def _cloud_of(self, instance: Instance) -> Cloud | None:
        """The cloud that has servers of an instance, or had when it was last brought up."""
        chosen = read_mark(self._site, instance, MARK).get("cloud")
        if chosen:
            return self._cloud(chosen)
        mark = self._mark(instance)
        return next((one for one in self._clouds_of(instance) if servers_of(one, mark)), None)

    def _names(self, instance: Instance) -> tuple[str, ...]:
        """The clouds that are named for an instance; the site's if its file cannot be read."""
        try:
            return self._settings(self._site.environment(instance.environment)).names
        except InputError:
            return self._site_settings().names

    def _all_names(self) -> list[str]:
        """All clouds that the site and its environments name."""
        environments = self._site.read_environments().environments.values()
        names = [*self._site_settings().names]
        names += [name for environment in environments for name in environment.clouds.names]
        return list(dict.fromkeys(names))

    def _settings(self, environment: Environment) -> Clouds:
        return environment.clouds.over(self._site_settings())

    def _site_settings(self) -> Clouds:
        section = self._site.section(SECTION)
        return parse_clouds(section, None) if section is not None else Clouds()

    def _cloud(self, name: str) -> Cloud:
        return self._clouds.setdefault(name, Cloud(name))

    def _mark(self, instance: Instance) -> Mark:
        return Mark(f"{self._site.name}-{self._site.id}", instance)

    def _lock(self, instance: Instance) -> Path:
        return self._site.state / "locks" / str(instance)
