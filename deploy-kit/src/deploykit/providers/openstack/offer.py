"""What a cloud has and has free, asked for before anything is made there."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

from deploykit.providers.openstack.cloud import Cloud
from deploykit.providers.openstack.fit import (
    SERVICES,
    UNLIMITED,
    Flavor,
    Image,
    Offer,
    lacking_services,
)
from deploykit.providers.openstack.plan import Outside
from deploykit.site.clouds import Clouds

# Our kinds, by neutron's word for the quota.
QUOTAS = {
    "network": "network",
    "subnet": "subnet",
    "router": "router",
    "port": "port",
    "floatingip": "floating",
    "security_group": "group",
    "security_group_rule": "rule",
}


def ask_offer(cloud: Cloud, clouds: Clouds) -> Offer:
    """What the cloud has, as far as an environment of `clouds` needs it.

    Where a service is missing, nothing further is asked.
    """
    services = cloud.services()
    if not frozenset(SERVICES) <= services:
        return Offer(services)
    extensions = frozenset(one["alias"] for one in cloud.list("extension"))
    offer = Offer(services, extensions)
    if lacking_services(offer):
        return offer
    return Offer(
        services,
        extensions,
        flavors=tuple(_flavor(one) for one in cloud.list("flavor")),
        images=_images(cloud, clouds.image) if clouds.image else (),
        externals=tuple(_externals(cloud)),
        zones=_zones(cloud) if clouds.zone else frozenset(),
        room={**_room_for_servers(cloud), **_room_in_network(cloud, extensions)},
    )


def _flavor(one: Mapping[str, Any]) -> Flavor:
    return Flavor(one["id"], one["name"], int(one["ram"]), int(one["disk"]), int(one["vcpus"]))


def _images(cloud: Cloud, named: str) -> tuple[Image, ...]:
    """The images that can be meant by a name or an id; all names if none is, to be told."""
    found = [one for one in cloud.list("image") if one["status"] == "active"]
    meant = [one for one in found if named in (one["id"], one.get("name"))]
    return tuple(
        Image(one["id"], str(one.get("name") or ""), int(one["min_disk"]), int(one["min_ram"]))
        for one in meant or found
    )


def _externals(cloud: Cloud) -> list[tuple[str, Outside]]:
    found = []
    for network in cloud.list("network", **{"router:external": "true"}):
        subnets = cloud.list("subnet", network_id=network["id"], ip_version="4")
        cidrs = tuple(IPv4Network(one["cidr"]) for one in subnets)
        found.append((str(network["name"]), Outside(network["id"], cidrs)))
    return found


def _zones(cloud: Cloud) -> frozenset[str]:
    answer = cloud.get("compute", "/os-availability-zone")["availabilityZoneInfo"]
    return frozenset(one["zoneName"] for one in answer if one["zoneState"]["available"])


def _room_for_servers(cloud: Cloud) -> dict[str, int]:
    limits = cloud.get("compute", "/limits")["limits"]["absolute"]
    pairs = {
        "server": ("maxTotalInstances", "totalInstancesUsed"),
        "processors": ("maxTotalCores", "totalCoresUsed"),
        "memory": ("maxTotalRAMSize", "totalRAMUsed"),
    }
    return {
        kind: _left(limits.get(most, UNLIMITED), limits.get(used, 0))
        for kind, (most, used) in pairs.items()
    }


def _room_in_network(cloud: Cloud, extensions: frozenset[str]) -> dict[str, int]:
    """What is left of each quota; nothing is known where neutron does not tell what is used."""
    if "quota_details" not in extensions:
        return {}
    quota = cloud.get("network", f"/quotas/{cloud.project}/details.json")["quota"]
    return {
        kind: _left(quota[word]["limit"], quota[word]["used"] + quota[word].get("reserved", 0))
        for word, kind in QUOTAS.items()
        if word in quota
    }


def _left(most: int, used: int) -> int:
    return UNLIMITED if most < 0 else max(0, most - used)
