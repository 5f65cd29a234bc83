"""Where clients reach a region: the addresses that load balancers share, and what outsiders see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from deploykit.base.yamlfile import Value, nearest
from deploykit.site.networks import SERVICE_NETWORK, Network
from deploykit.site.node import Node

BALANCER_ROLE = "load-balancer"
VIRTUAL_ROLE = "virtual-address"  # the nodes that share a network's `vip`
REGION, OUTSIDE = "region", "outside"  # whose authority the outsiders' certificate is of
KEYS = frozenset({"network", "name", "certificate"})
# RFC 1123, 2.1: labels of letters, digits and inner hyphens; at least two, or it is no FQDN.
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
FQDN = re.compile(rf"{LABEL}(?:\.{LABEL})+")
LONGEST = 253  # characters of a name in DNS


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What clients outside the region use: the `address` in `network`, and the `name` that leads to
    it for them ('' if they call it by the address). `outside`: its certificate is of an authority
    that the outside trusts, and is given to the master; else the region's own makes it."""

    network: str
    address: IPv4Address
    name: str = ""
    outside: bool = False

    @property
    def host(self) -> str:
        """What stands in URLs."""
        return self.name or str(self.address)

    def told(self) -> dict[str, str | bool]:
        """What the master and its minions know of it."""
        return {
            "network": self.network,
            "address": str(self.address),
            "name": self.name,
            "host": self.host,
            "outside": self.outside,
        }


def parse_endpoints(value: Value, networks: Sequence[Network], nodes: Sequence[Node]) -> Endpoints:
    """`endpoints` of an environment. Raises InputError if they do not fit its networks or nodes."""
    keys = value.mapping(KEYS, needed=("network",))
    network = _network(keys["network"], networks)
    balancers = [node for node in nodes if BALANCER_ROLE in node.roles]
    if not balancers:
        raise value.error("no node is a load balancer", f"give one the role '{BALANCER_ROLE}'")
    if network.vip is None and len(balancers) > 1:
        raise keys["network"].error(
            f"{' and '.join(node.name for node in balancers)} share no address there",
            f"write {network.name}: {{cidr: ..., vip: ADDRESS}}",
        )
    outside = "certificate" in keys and _is_outside(keys["certificate"])
    name = _name(keys["name"]) if "name" in keys else ""
    if outside and not name:
        raise keys["certificate"].error(
            "the key 'name' is missing", "an outside authority certifies names"
        )
    return Endpoints(network.name, network.vip or balancers[0].address(network), name, outside)


def check_shared(
    value: Value, nodes: Sequence[Node], networks: Sequence[Network], endpoints: Endpoints | None
) -> None:
    """Raise InputError if a shared address and the nodes that share it do not fit each other;
    `value` holds the networks."""
    sharing = [node for node in nodes if VIRTUAL_ROLE in node.roles]
    having = [net for net in networks if net.vip is not None]
    if sharing and SERVICE_NETWORK not in {net.name for net in having}:
        raise value.error(
            f"{sharing[0].name} has the role '{VIRTUAL_ROLE}', and the network "
            f"'{SERVICE_NETWORK}' has no 'vip'",
            f"write {SERVICE_NETWORK}: {{cidr: ..., vip: ADDRESS}}",
        )
    for net in having:
        at = value.mapping()[net.name].mapping()["vip"]
        if net.name not in (SERVICE_NETWORK, endpoints.network if endpoints else ""):
            raise at.error(
                f"nothing is offered in the network '{net.name}'",
                f"services are in '{SERVICE_NETWORK}', and in that which 'endpoints' names",
            )
        _check_holders(at, net, nodes, sharing)


def _check_holders(at: Value, net: Network, nodes: Sequence[Node], sharing: Sequence[Node]) -> None:
    """Raise InputError, at the network's `vip`, if one of `sharing` cannot hold it."""
    assert net.vip is not None
    for node in nodes:
        if node.address(net) == net.vip:
            raise at.error(f"{net.vip} is already {node.name}'s")
    if not sharing:
        raise at.error("no node shares it", f"give load balancers the role '{VIRTUAL_ROLE}'")
    for node in sharing:
        if BALANCER_ROLE not in node.roles:
            raise at.error(
                f"{node.name} would hold it without the role '{BALANCER_ROLE}'",
                f"what is behind the address is a load balancer: give {node.name} both roles",
            )
        if not node.subnet(net).is_for_nodes(net.vip):
            raise at.error(
                f"{node.name} is in another subnet ({node.subnet(net).cidr})",
                "nodes that share an address are in its subnet",
            )


def _network(value: Value, networks: Sequence[Network]) -> Network:
    name = value.text()
    network = next((net for net in networks if net.name == name), None)
    if network is None:
        raise value.error(
            f"there is no network '{name}'", nearest(name, frozenset(net.name for net in networks))
        )
    if name == SERVICE_NETWORK:
        raise value.error(
            f"'{name}' is the inside", "name another network, or leave 'endpoints' out"
        )
    return network


def _name(value: Value) -> str:
    name = value.text()
    if len(name) > LONGEST or not FQDN.fullmatch(name) or name.rpartition(".")[2].isdigit():
        raise value.error(f"'{name}' is no name in DNS", "as cloud.example.org, in small letters")
    return name


def _is_outside(value: Value) -> bool:
    text = value.text()
    if text not in (REGION, OUTSIDE):
        raise value.error(f"'{text}' is neither '{REGION}' nor '{OUTSIDE}'")
    return text == OUTSIDE
