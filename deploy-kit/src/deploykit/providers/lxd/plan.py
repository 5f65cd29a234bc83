"""What an instance looks like in LXD, decided without asking it: names, addresses, settings."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.yamlfile import Value, load
from deploykit.image.overlay import AUTHORIZED_KEYS, HOSTS, INTERFACES
from deploykit.providers.common import render_hosts
from deploykit.providers.lxd.api import POOL
from deploykit.site.environment import Environment, Node
from deploykit.site.instance import Instance
from deploykit.site.links import USUAL_MTU
from deploykit.site.networks import Network

TAG = "user.deploykit."
UPLINKS = IPv4Network("10.128.0.0/9")  # one /24 of these is an instance's eth0
UPLINK_NAME = "eth0"
LONGEST_INTERFACE = 15  # bytes: the kernel's limit on a network interface's name


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one instance of one site on the host: nobody else's look like them."""

    site: str
    instance: Instance

    @property
    def project(self) -> str:
        return f"dk-{self.site}-{str(self.instance).replace('~', '.')}"

    def network(self, place: int) -> str:
        """The bridge of the network in that place; 0 is the uplink."""
        digest = hashlib.sha256(str(self.instance).encode()).digest()
        mark = base64.b32encode(digest).decode().lower()[:5]
        name = f"dk{self.site}{mark}{place:02}"
        assert len(name) <= LONGEST_INTERFACE
        return name


@dataclass(frozen=True, slots=True)
class Source:
    """What LXD copies a node from: a base in the project `default`, or NODE/SNAPSHOT."""

    project: str
    name: str

    @property
    def is_node(self) -> bool:
        """Whether it has been a node, with an identity of its own."""
        return "/" in self.name


def machine_id(names: Names, node: str, created: str) -> str:
    """The machine-id(5) of a copied node: another for each instance and each time it is made.

    `created` is when the instance was. The same for the same instance, so that a copy that was
    cut off goes on with it.
    """
    seed = f"{names.project} {node} {created}"
    return hashlib.sha256(seed.encode()).hexdigest()[:32]


def choose_uplink(seed: str, taken: Iterable[IPv4Network]) -> IPv4Network:
    """A /24 for an instance's uplink that overlaps none of `taken`; the same for the same seed.

    Raises DeployKitError if the whole range is taken.
    """
    avoid = [network for network in taken if network.prefixlen > 0]
    count = 2 ** (24 - UPLINKS.prefixlen)
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    for step in range(count):
        place = (start + step) % count
        candidate = IPv4Network((int(UPLINKS.network_address) + place * 256, 24))
        if not any(candidate.overlaps(network) for network in avoid):
            return candidate
    raise DeployKitError(f"no free /24 is left in {UPLINKS} for an uplink")


def uplink_addresses(environment: Environment, uplink: IPv4Network) -> dict[str, IPv4Address]:
    """The uplink address of every node: its `at` if that fits a /24, else its place."""
    fits = all(node.at < 255 for node in environment.nodes)
    if not fits and len(environment.nodes) > 250:
        raise InputError(f"{environment.file}: more than 250 nodes")
    return {
        node.name: uplink.network_address + (node.at if fits else place)
        for place, node in enumerate(environment.nodes, start=2)
    }


def render_interfaces(environment: Environment, node: Node) -> str:
    """interfaces(5) of the environment's networks, with the node's fixed addresses.

    A container's interface is a card, whatever it is made of elsewhere. All subnets of a network
    are on its one bridge, so the others are reached without a gateway.
    """
    return "\n".join(_stanzas(node, net) for net in environment.networks)


def _stanzas(node: Node, net: Network) -> str:
    name, subnet, mtu = node.interface(net), node.subnet(net), said_mtu(node, net)
    others = [other for other in net.subnets if other is not subnet]
    lines = [f"auto {name}", f"iface {name} inet static"]
    lines += [f"  address {node.address(net)}/{subnet.cidr.prefixlen}"]
    lines += [f"  mtu {mtu}"] if mtu else []
    lines += [f"  up ip route replace {other.cidr} dev {name}" for other in others]
    address6 = node.address6(net)
    if address6 is not None and subnet.cidr6 is not None:
        lines += [f"iface {name} inet6 static", f"  address {address6}/{subnet.cidr6.prefixlen}"]
        lines += ["  accept_ra 0", "  autoconf 0"]
        others6 = [other.cidr6 for other in others if other.cidr6 is not None]
        lines += [f"  up ip -6 route replace {cidr6} dev {name}" for cidr6 in others6]
    return "\n".join(lines)


def said_mtu(node: Node, network: Network) -> int | None:
    """The MTU of its interface in `network`; None if that is the usual one."""
    mtu = node.mtu(network)
    return mtu if mtu != USUAL_MTU else None


def said_mac(node: Node, network: Network) -> str:
    """The MAC that its interface in `network` is to have; empty if any will do."""
    link = node.link(network)
    return link.mac if link is not None else ""


def demand_names(environment: Environment) -> None:
    """Raise InputError if a node's interface has the name of its uplink."""
    for node in environment.nodes:
        for net in environment.networks:
            if node.interface(net) == UPLINK_NAME:
                raise _place_of_name(environment, node, net).error(
                    f"{UPLINK_NAME} of {node.name} is the uplink where '{environment.provider}' "
                    "makes the nodes",
                    f"give its interface in {net.name} another name",
                )


def _place_of_name(environment: Environment, node: Node, network: Network) -> Value:
    """Where the file names the interface of `node` in `network`."""
    keys = load(environment.file).mapping()
    for name, entry in keys["nodes"].mapping().items():
        if network.name in dict(node.interfaces) and re.fullmatch(rf"{name}\d*", node.name):
            return entry.mapping()["interfaces"].mapping()[network.name]
    entry = keys["networks"].mapping()[network.name]
    return entry.mapping().get("interface", entry)


def profile_devices(environment: Environment, names: Names) -> dict[str, dict[str, str]]:
    """The devices that all nodes of an instance share."""
    devices = {"root": {"type": "disk", "path": "/", "pool": POOL}}
    for place, net in enumerate(environment.networks, start=1):
        devices[device(place)] = _nic(net.interface, names.network(place))
    return devices


def own_nics(environment: Environment, node: Node, names: Names) -> dict[str, dict[str, str]]:
    """The devices of `node` in place of those of the profile, if it has others."""
    devices = {}
    for place, net in enumerate(environment.networks, start=1):
        mac = said_mac(node, net)
        nic = _nic(node.interface(net), names.network(place)) | ({"hwaddr": mac} if mac else {})
        if nic != _nic(net.interface, names.network(place)):
            devices[device(place)] = nic
    return devices


def device(place: int) -> str:
    """What LXD calls the device on the bridge of that place, whatever its interface is called."""
    return f"eth{place}"


def _nic(interface: str, bridge: str) -> dict[str, str]:
    return {"type": "nic", "name": interface, "network": bridge}


def bridge_settings(environment: Environment, place: int) -> dict[str, str]:
    """What the bridge of an environment's network has beside the usual."""
    net = environment.networks[place - 1]
    mtu = said_mtu(environment.nodes[0], net)  # all have the same
    return {"bridge.mtu": str(mtu)} if mtu else {}


def node_request(
    environment: Environment,
    node: Node,
    names: Names,
    *,
    source: Source,
    address: IPv4Address,
    authorized_key: str,
    tags: Mapping[str, str],
) -> dict[str, object]:
    """The body that makes LXD copy a node from `source`."""
    config = {
        INTERFACES: render_interfaces(environment, node),
        HOSTS: render_hosts(environment),
        AUTHORIZED_KEYS: authorized_key,
        "boot.autostart": "false",
        f"{TAG}base": source.name,
        **tags,
    }
    devices = {
        UPLINK_NAME: _nic(UPLINK_NAME, names.network(0)) | {"ipv4.address": str(address)},
        **own_nics(environment, node, names),
    }
    if node.memory:
        config["limits.memory"] = f"{node.memory}iB"
    if node.privileged:
        config |= {"security.privileged": "true", "security.nesting": "true"}
        devices["tun"] = {"type": "unix-char", "path": "/dev/net/tun", "mode": "0666"}
    return {
        "name": node.name,
        "profiles": ["default"],
        "config": config,
        "devices": devices,
        "source": {
            "type": "copy",
            "source": source.name,
            "project": source.project,
            "instance_only": True,
        },
    }


def instance_tags(
    names: Names, environment: Environment, tags: Mapping[str, str]
) -> dict[str, str]:
    """The `user.*` keys that say whose an instance is and what for."""
    own = {
        "site": names.site,
        "instance": str(names.instance),
        "environment": environment.name,
        # Asked where the environment's file is not at hand any more.
        "protected": str(environment.protected and names.instance.copy is None).lower(),
    }
    return {TAG + key: value for key, value in {**tags, **own}.items()}


def routes(listing: Iterable[Mapping[str, object]]) -> list[IPv4Network]:
    """The destinations of `ip -json -4 route show table all`, the default route left out."""
    destinations = []
    for route in listing:
        destination = str(route.get("dst", ""))
        if destination and destination != "default":
            try:
                destinations.append(IPv4Network(destination, strict=False))
            except ValueError:
                continue
    return destinations


def name_servers(resolv_conf: Path) -> list[IPv4Network]:
    """The host's name servers as networks of one address: no uplink may hide them."""
    if not resolv_conf.is_file():
        return []
    text = resolv_conf.read_text(encoding="utf-8", errors="replace")
    addresses = re.findall(r"^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$", text, re.MULTILINE)
    return [IPv4Network(address) for address in addresses]
