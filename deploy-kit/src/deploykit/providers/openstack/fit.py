"""Whether a cloud can carry an instance: pure, everything that keeps it from that at once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deploykit.base.yamlfile import nearest
from deploykit.providers.openstack.plan import Outside, Wanted
from deploykit.site.clouds import Clouds
from deploykit.site.environment import Environment, Node

MIB, GIB = 2**20, 2**30
SERVICES = ("compute", "image", "network")
EXTENSIONS = {
    "external-net": "floating addresses",
    "router": "a way out for nodes, and in",
    "security-group": "what lets SSH in",
    "standard-attr-description": "the marks that tell our networks from others'",
    "port-security": "addresses on nodes that are not their ports': virtual ones, a region's own",
}
UNLIMITED = -1
KEPT_BY_KERNEL = 0.08  # of a server's memory at most, which it does not tell of
# What a quota is called for people, by our kinds.
ROOM = {
    "server": "instances",
    "processors": "processors",
    "memory": "MiB of memory",
    "network": "networks",
    "subnet": "subnets",
    "router": "routers",
    "port": "ports",
    "floating": "floating addresses",
    "group": "security groups",
    "rule": "rules of security groups",
}


@dataclass(frozen=True, slots=True)
class Flavor:
    """A size of servers: MiB of memory, GiB of disk (0: as large as the image), processors."""

    id: str
    name: str
    memory: int
    disk: int
    processors: int


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is there: the least disk (GiB) and memory (MiB) that it takes."""

    id: str
    name: str
    disk: int
    memory: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a cloud has, and has free: `room` by the keys of ROOM, UNLIMITED if there is no limit.

    `externals` are networks with floating addresses, by name; `zones` those that take servers.
    """

    services: frozenset[str]
    extensions: frozenset[str] = frozenset(EXTENSIONS)
    flavors: tuple[Flavor, ...] = ()
    images: tuple[Image, ...] = ()
    externals: tuple[tuple[str, Outside], ...] = ()
    zones: frozenset[str] = frozenset()
    room: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """What an instance asks for: bytes of memory by node, of the nodes that are not there yet; the
    disk that the node image takes, in bytes; and what else is to be made, by kind."""

    environment: Environment
    clouds: Clouds
    memory: Mapping[str, int]
    image_disk: int
    kinds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen: the flavor of each node, an image of the cloud's (None: the node image), and
    where floating addresses come from."""

    flavors: Mapping[str, Flavor]
    image: Image | None
    outside: Outside


def kinds_of(wanted: Iterable[Wanted]) -> dict[str, int]:
    """How many of each kind are to be made."""
    return dict(Counter(one.kind for one in wanted))


def lacking_services(offer: Offer) -> list[str]:
    """What a cloud has to have before anything else can be asked of it."""
    found = [
        f"{service}: it has no such service in this region (its catalog has: "
        f"{', '.join(sorted(offer.services)) or 'none'})"
        for service in SERVICES
        if service not in offer.services
    ]
    if found:
        return found
    return [
        f"network: it has no extension {name}, for {what}"
        for name, what in EXTENSIONS.items()
        if name not in offer.extensions
    ]


def choose(need: Need, offer: Offer) -> tuple[Choice | None, list[str]]:
    """What to make the instance of, or everything that keeps it from being made there."""
    problems = lacking_services(offer)
    if problems:
        return None, problems
    image, told = _image(need.clouds, offer)
    problems += told
    outside, told = _outside(need.clouds, offer)
    problems += told
    problems += _zone(need.clouds, offer)
    disk = image.disk if image else math.ceil(need.image_disk / GIB)
    least = image.memory if image else 0
    flavors: dict[str, Flavor] = {}
    for node in need.environment.nodes:
        if node.name not in need.memory:
            continue
        memory = max(least, math.ceil(need.memory[node.name] / (1 - KEPT_BY_KERNEL) / MIB))
        flavor, told = _flavor(need.clouds, offer, node, memory=memory, disk=disk)
        problems += told
        if flavor is not None:
            flavors[node.name] = flavor
    problems += _room(need, offer, list(flavors.values()))
    if problems or outside is None:
        return None, problems
    return Choice(flavors, image, outside), []


def fitting(flavors: Sequence[Flavor], *, memory: int, disk: int) -> Flavor | None:
    """The smallest flavor of that memory (MiB) and disk (GiB)."""
    fit = [one for one in flavors if one.memory >= memory and one.disk >= disk]
    return min(fit, key=lambda one: (one.memory, one.processors, one.disk, one.name), default=None)


def _flavor(
    clouds: Clouds, offer: Offer, node: Node, *, memory: int, disk: int
) -> tuple[Flavor | None, list[str]]:
    named = clouds.flavor(node.name)
    if not named:
        chosen = fitting(offer.flavors, memory=memory, disk=disk)
        if chosen is not None:
            return chosen, []
        there = ", ".join(f"{f.name} ({f.memory} MiB, {f.disk} GiB)" for f in offer.flavors)
        return None, [
            f"flavor: none has the {memory} MiB and {disk} GiB of disk that {node.name} takes; "
            f"there are: {there or 'none'}"
        ]
    place = clouds.place("flavors", node.name)
    flavor = next((one for one in offer.flavors if named in (one.name, one.id)), None)
    if flavor is None:
        known = frozenset(one.name for one in offer.flavors)
        return None, [f"{place}: flavor: there is none called '{named}'; {nearest(named, known)}"]
    problems = []
    if flavor.memory < memory:
        problems.append(
            f"{place}: flavor: {named} has {flavor.memory} MiB of memory, and {node.name} takes "
            f"{memory} MiB"
        )
    if 0 < flavor.disk < disk:
        problems.append(
            f"{place}: flavor: {named} has {flavor.disk} GiB of disk, and the image takes {disk} "
            "GiB"
        )
    return flavor, problems


def _image(clouds: Clouds, offer: Offer) -> tuple[Image | None, list[str]]:
    if not clouds.image:
        return None, []
    found = [one for one in offer.images if clouds.image in (one.id, one.name)]
    if len(found) == 1:
        return found[0], []
    known = frozenset(one.name for one in offer.images)
    told = (
        f"there are {len(found)} called '{clouds.image}': name one by its id"
        if found
        else f"there is none called '{clouds.image}'; {nearest(clouds.image, known)}"
    )
    return None, [f"{clouds.place('image')}: image: {told}"]


def _outside(clouds: Clouds, offer: Offer) -> tuple[Outside | None, list[str]]:
    """The network of floating addresses: the one that is named, or the only one."""
    externals = dict(offer.externals)
    if clouds.external:
        for name, outside in offer.externals:
            if clouds.external in (name, outside.id):
                return outside, []
        told = nearest(clouds.external, frozenset(externals))
        return None, [
            f"{clouds.place('external')}: external: there is no network with floating addresses "
            f"called '{clouds.external}'; {told}"
        ]
    if len(offer.externals) == 1:
        return offer.externals[0][1], []
    names = ", ".join(sorted(externals)) or "none"
    return None, [
        "network: floating addresses come from a network that is external; there are: "
        f"{names}. Name one: openstack: {{external: NAME}}"
        if externals
        else "network: it has no external network, so no floating address leads in"
    ]


def _zone(clouds: Clouds, offer: Offer) -> list[str]:
    if not clouds.zone or clouds.zone in offer.zones:
        return []
    return [
        f"{clouds.place('zone')}: zone: there is none called '{clouds.zone}'; "
        f"{nearest(clouds.zone, offer.zones)}"
    ]


def _room(need: Need, offer: Offer, flavors: Sequence[Flavor]) -> list[str]:
    wanted = {
        **need.kinds,
        "server": len(need.memory),
        "processors": sum(one.processors for one in flavors),
        "memory": sum(one.memory for one in flavors),
    }
    return [
        f"quota: {wanted[kind]} {called} are needed and {max(0, offer.room[kind])} are left: ask "
        "for more, or take down what is not needed"
        for kind, called in ROOM.items()
        if wanted.get(kind)
        and offer.room.get(kind, UNLIMITED) != UNLIMITED
        and wanted[kind] > offer.room[kind]
    ]
