"""One instance on its way to be up in one cloud: what it needs, what is left to make."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from deploykit.base.errors import Refused
from deploykit.base.progress import Progress, Step
from deploykit.host.fit import memory_of_roles, needed_memory
from deploykit.providers.openstack.cloud import Cloud
from deploykit.providers.openstack.fit import (
    Choice,
    Need,
    Offer,
    choose,
    kinds_of,
    lacking_services,
)
from deploykit.providers.openstack.images import ensure_image, find_image
from deploykit.providers.openstack.instance import Found, look, make, wait_for_servers
from deploykit.providers.openstack.marks import Mark
from deploykit.providers.openstack.nodeimage import USUAL_DISK, build_disk, key_of
from deploykit.providers.openstack.offer import ask_offer
from deploykit.providers.openstack.plan import (
    FLOATING,
    ROUTER,
    Making,
    Outside,
    Wanted,
    differences,
    missing,
    server_of,
    wanted_networks,
    wanted_server,
)
from deploykit.providers.openstack.userdata import make_host_key, render_user_data
from deploykit.site import Site
from deploykit.site.clouds import Clouds
from deploykit.site.environment import Environment, Node
from deploykit.site.provisioning import own_key

GIB = 2**30


class Maker:
    """Makes an instance of `environment` in `cloud`: asked first for `problems`, then to make."""

    def __init__(
        self, site: Site, cloud: Cloud, mark: Mark, environment: Environment, settings: Clouds
    ) -> None:
        self.cloud = cloud
        self.found: Found = look(cloud, mark)
        self._site, self._mark = site, mark
        self._environment, self._settings = environment, settings
        self._choice: Choice | None = None
        self._image = ""

    def problems(self) -> list[str]:
        """Everything that keeps the instance from being up here; nothing is changed."""
        told = [
            f"{self._environment.file}: {what} is there with other addresses, or in the file no "
            f"more: 'deploy-kit env down {self._mark.instance}', then up again, makes it anew"
            for what in differences(self._environment, self._plan(None), self.found.seen)
        ]
        if told or not self._left(None):
            return told
        if lacking := lacking_services(self._offer):
            return lacking
        self._choice, told = choose(self._need(), self._offer)
        return told

    def ensure_image(self, progress: Progress) -> None:
        """The image of the servers that are missing, uploaded if the cloud has it not."""
        if self._choice is None or not self._bare:
            return
        if self._choice.image is not None:
            self._image = self._choice.image.id
            return
        installed = self._environment.installed
        self._image = ensure_image(
            self.cloud,
            self._key,
            lambda: build_disk(self._site, progress, installed=installed),
            progress,
        )

    def make(self, tags: Mapping[str, str], step: Step) -> dict[str, dict[str, Any]]:
        """Make what is missing and start what is stopped; the servers that run then, by node."""
        outside = self._choice.outside if self._choice else None
        if self._left(outside):
            self.found = make(self.cloud, self._mark, self._plan(outside), self.found, step)
            self._demand_mtu()
        if self._bare:
            servers = [self._server(node, tags) for node in self._bare]
            self.found = make(self.cloud, self._mark, servers, self.found, step)
        nodes = [node.name for node in self._environment.nodes]
        return wait_for_servers(self.cloud, self._mark, nodes, step)

    @cached_property
    def _offer(self) -> Offer:
        return ask_offer(self.cloud, self._settings)

    @cached_property
    def _key(self) -> str:
        return key_of(self._site, installed=self._environment.installed)

    @property
    def _bare(self) -> list[Node]:
        """The nodes that have no server."""
        return [n for n in self._environment.nodes if server_of(n) not in self.found.seen]

    def _plan(self, outside: Outside | None) -> list[Wanted]:
        dns = [str(address) for address in self._settings.dns]
        return wanted_networks(self._environment, self._mark, outside or self._outside_there(), dns)

    def _outside_there(self) -> Outside:
        """Where floating addresses came from, of an instance that has its router already."""
        router = self.found.seen.get(ROUTER, {})
        gateway = router.get("external_gateway_info") or {}
        floating = self.found.seen.get(FLOATING, {})
        return Outside(str(floating.get("floating_network_id") or gateway.get("network_id") or ""))

    def _left(self, outside: Outside | None) -> list[str]:
        """The words of what is to be made."""
        left = [one.what for one in missing(self._plan(outside), self.found.seen)]
        return left + [server_of(node) for node in self._bare]

    def _need(self) -> Need:
        roles = memory_of_roles(self._site)
        memory = {node.name: needed_memory(node, roles) for node in self._bare}
        kinds = kinds_of(missing(self._plan(None), self.found.seen))
        return Need(self._environment, self._settings, memory, self._image_disk(), kinds)

    def _image_disk(self) -> int:
        """The bytes of disk that the node image takes; what is usual before it was ever made."""
        if self._settings.image or not self._bare:
            return 0
        there = find_image(self.cloud, self._key)
        return int(there["min_disk"]) * GIB if there else USUAL_DISK

    def _server(self, node: Node, tags: Mapping[str, str]) -> Wanted:
        assert self._choice is not None
        key = make_host_key()
        public = Path(f"{own_key(self._site, self._mark.instance)}.pub").read_text().strip()
        told = render_user_data(self._environment, node, self.found.seen, key, public)
        making = Making(
            self._image,
            self._choice.flavors[node.name].id,
            told,
            self._mark.metadata(server_of(node), key.public, tags),
            self._settings.zone,
        )
        return wanted_server(self._environment, self._mark, node, making)

    def _demand_mtu(self) -> None:
        """Raise Refused if a network carries less than the file says that cards have."""
        told = []
        for net in self._environment.networks:
            carried = int(self.found.seen[f"network:{net.name}"].get("mtu") or 0)
            for node in self._environment.nodes:
                link = node.link(net)
                if link is not None and link.mtu and carried and link.mtu > carried:
                    told.append(
                        f"{self._environment.file}: {node.name}: {net.name}: mtu {link.mtu} is "
                        f"more than the {carried} that a network of this cloud carries"
                    )
        if told:
            raise Refused(
                f"{self._mark.instance}: its cards cannot have the MTU that the file says; no "
                "server was made",
                "\n".join(told),
            )
