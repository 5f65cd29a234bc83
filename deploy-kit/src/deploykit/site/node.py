"""The nodes of an environment: their roles, and where they are in each network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from deploykit.base.naming import check_key, parse_name
from deploykit.base.yamlfile import Value, nearest
from deploykit.site.links import (
    USUAL_MTU,
    Declared,
    Link,
    fitting,
    mtu_of,
    parse_interface,
    parse_links,
)
from deploykit.site.networks import Network, Subnet, parse_rack

MEMORY = re.compile(r"[1-9]\d*[MG]")
MASTER_ROLE = "master"
PRIVILEGED_ROLES = frozenset({"hypervisor", "network"})
KEYS = frozenset({"roles", "count", "at", "memory", "addresses", "rack", "interfaces", "links"})


@dataclass(frozen=True, slots=True)
class Node:
    """One machine: its roles, its fixed host number in every network, and its limit of memory.

    `memory` is a number with M or G, powers of 1024; None is no limit. `own` and `own6` are its
    addresses in networks where they do not follow from `at`, `interfaces` its interfaces where they
    are not the network's, both by the network's name. `rack` says which subnet it is in. `links` is
    what is said of its interfaces, those that others stand on first; all others are cards.
    """

    name: str
    roles: tuple[str, ...]
    at: int
    memory: str | None = None
    own: tuple[tuple[str, IPv4Address], ...] = ()
    own6: tuple[tuple[str, IPv6Address], ...] = ()
    rack: str = ""
    interfaces: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()

    def address(self, network: Network) -> IPv4Address:
        """Its fixed address in a network: its own there, else what `at` makes of it."""
        own = dict(self.own).get(network.name)
        return own or self.subnet(network).cidr.network_address + self.at

    def address6(self, network: Network) -> IPv6Address | None:
        """The same for IPv6; None if the network has none for it."""
        own = dict(self.own6).get(network.name)
        cidr6 = self.subnet(network).cidr6
        return own or (cidr6.network_address + self.at if cidr6 else None)

    def subnet(self, network: Network) -> Subnet:
        """The subnet of a network that it is in. Parsing has seen to it that there is one."""
        subnet = self._subnet(network)
        assert subnet is not None
        return subnet

    def interface(self, network: Network) -> str:
        """The name of its interface in a network."""
        return dict(self.interfaces).get(network.name, network.interface)

    def link(self, network: Network) -> Link | None:
        """What is said of that interface; None if nothing is."""
        name = self.interface(network)
        return next((link for link in self.links if link.name == name), None)

    def mtu(self, network: Network) -> int:
        """The MTU of that interface in bytes: the usual one if nothing is said of it."""
        link = self.link(network)
        return mtu_of(link) if link is not None else USUAL_MTU

    @property
    def privileged(self) -> bool:
        """Whether its roles need a privileged container (hypervisors, network nodes)."""
        return bool(PRIVILEGED_ROLES.intersection(self.roles))

    def _subnet(self, network: Network) -> Subnet | None:
        own = dict(self.own).get(network.name)
        return network.subnet_with(own) if own else network.subnet_of_rack(self.rack)


@dataclass(frozen=True, slots=True)
class _Written:
    """A node, its keys in the file, and what is declared of its links."""

    node: Node
    keys: Mapping[str, Value]
    declared: Mapping[str, Declared]


def parse_nodes(
    value: Value, places: Value, networks: tuple[Network, ...], links: Mapping[str, Declared]
) -> tuple[Node, ...]:
    """`nodes` of an environment. Raises InputError if one does not fit, or meets another.

    `places` is where `networks` stand in the file; `links` are those of every node that does not
    declare its own of that name.
    """
    written: list[_Written] = []
    taken: dict[int, str] = {}
    for name, entry in value.mapping().items():
        check_key(entry, name)
        keys = entry.mapping(KEYS)
        if "roles" not in keys or "at" not in keys:
            raise entry.error("the keys 'roles' and 'at' are needed")
        declared = {**links, **(parse_links(keys["links"]) if "links" in keys else {})}
        first = _node(name, keys, networks, declared)
        count = keys["count"].whole(1) if "count" in keys else None
        for offset in range(count or 1):
            number = name if count is None else f"{name}{offset + 1}"
            node = replace(first, name=number, at=first.at + offset)
            if node.at in taken:
                raise keys["at"].error(
                    f"address {node.at} of {node.name} is already {taken[node.at]}'s"
                )
            for net in networks:
                _demand_subnet(node, net, entry, keys)
            if node.name in taken.values():
                raise entry.error(f"there are two nodes named {node.name}")
            _demand_interfaces(node, keys, places, networks, declared)
            taken[node.at] = node.name
            written.append(_Written(node, keys, declared))
    _demand_own_addresses(written, networks)
    _demand_own_macs(written)
    _demand_one_mtu(written, networks)
    nodes = tuple(item.node for item in written)
    masters = [node.name for node in nodes if MASTER_ROLE in node.roles]
    if len(masters) != 1:
        raise value.error(
            f"exactly one node has the role '{MASTER_ROLE}', found: {', '.join(masters) or 'none'}"
        )
    return nodes


def _node(
    name: str,
    keys: Mapping[str, Value],
    networks: tuple[Network, ...],
    declared: Mapping[str, Declared],
) -> Node:
    """The node that `keys` describe, or the first of several."""
    roles = tuple(parse_name(role) for role in keys["roles"].items())
    if not roles:
        raise keys["roles"].error("a node needs at least one role")
    known = frozenset(net.name for net in networks)
    own, own6 = _own_addresses(keys, networks) if "addresses" in keys else ((), ())
    interfaces = keys["interfaces"].mapping(known) if "interfaces" in keys else {}
    return Node(
        name,
        roles,
        keys["at"].whole(2),
        _memory(keys["memory"]) if "memory" in keys else None,
        own,
        own6,
        parse_rack(keys["rack"], networks) if "rack" in keys else "",
        tuple((net, parse_interface(value)) for net, value in interfaces.items()),
        fitting(declared),
    )


def _demand_subnet(node: Node, net: Network, entry: Value, keys: Mapping[str, Value]) -> None:
    """Raise InputError if `node` is in no subnet of `net`, or has no address there."""
    subnet = node._subnet(net)
    if subnet is None:
        names = ", ".join(rack.name for rack in net.subnets)
        raise keys.get("rack", entry).error(
            f"{net.name} has several subnets, none of which {node.name} is in",
            f"write 'rack: NAME' ({names}), or addresses: {{{net.name}: ADDRESS}}",
        )
    own, own6 = dict(node.own), dict(node.own6)
    fits = node.at < subnet.cidr.num_addresses and subnet.is_for_nodes(node.address(net))
    if net.name not in own and not fits:
        raise keys["at"].error(
            f"{node.at} lies outside {net}"
            if node.at >= subnet.cidr.num_addresses - 1
            else f"{node.address(net)} is the gateway in {net.name}",
            f"give it one of its own there: addresses: {{{net.name}: ADDRESS}}",
        )
    address6 = own6.get(net.name)
    if address6 is not None and not subnet.is_for_nodes6(address6):
        raise keys["addresses"].error(
            f"{address6} is not in the IPv6 subnet of its IPv4 address in {net.name}"
        )
    if address6 is None and subnet.cidr6 is not None:
        fits6 = node.at < subnet.cidr6.num_addresses
        if not fits6 or not subnet.is_for_nodes6(subnet.cidr6.network_address + node.at):
            raise keys["at"].error(
                f"{node.at} is for no node in {subnet.cidr6}",
                f"give it one of its own there: addresses: {{{net.name}: [IPV4, IPV6]}}",
            )


def _own_addresses(
    keys: Mapping[str, Value], networks: tuple[Network, ...]
) -> tuple[tuple[tuple[str, IPv4Address], ...], tuple[tuple[str, IPv6Address], ...]]:
    """`addresses` of a node, by network: one, or a list of one of IPv4 and one of IPv6.

    Raises InputError for what is none of that network's.
    """
    if "count" in keys:
        raise keys["addresses"].error(
            "several nodes cannot have the same", "write each of them as a node of its own"
        )
    known = {net.name: net for net in networks}
    own: dict[str, IPv4Address] = {}
    own6: dict[str, IPv6Address] = {}
    for name, value in keys["addresses"].mapping(frozenset(known)).items():
        for item in value.items() if value.is_list else (value,):
            try:
                address = ip_address(item.text())
            except ValueError:
                raise item.error(f"not an IPv4 address, nor an IPv6 one: '{item.text()}'") from None
            if name in (own if address.version == 4 else own6):
                raise item.error(f"a second IPv{address.version} address", "give one of each")
            if isinstance(address, IPv4Address):
                own[name] = address
                inside = known[name].subnet_with(address)
            else:
                own6[name] = address
                inside = known[name].subnet_with6(address)
            if inside is None:
                raise item.error(f"{address} lies outside {known[name]}")
    return tuple(own.items()), tuple(own6.items())


def _demand_own_addresses(written: Sequence[_Written], networks: tuple[Network, ...]) -> None:
    """Raise InputError if an address of a node's own is another's, too."""
    by_name = {net.name: net for net in networks}
    for entry in written:
        for name, address in (*entry.node.own, *entry.node.own6):
            net = by_name[name]
            for other in written:
                if other is not entry and address in (
                    other.node.address(net),
                    other.node.address6(net),
                ):
                    at = entry.keys["addresses"].mapping()[name]
                    raise at.error(f"{address} is already {other.node.name}'s")


def _demand_interfaces(
    node: Node,
    keys: Mapping[str, Value],
    places: Value,
    networks: tuple[Network, ...],
    declared: Mapping[str, Declared],
) -> None:
    """Raise InputError if two networks have one interface, or one that cannot have addresses.

    If links are declared, an interface that is named is one of them.
    """
    members = {
        member: declaration.link.name
        for declaration in declared.values()
        for member in declaration.link.members
    }
    taken: dict[str, str] = {}
    for net in networks:
        name = node.interface(net)
        own = keys["interfaces"].mapping() if "interfaces" in keys else {}
        written = places.mapping()[net.name].mapping()
        at = own.get(net.name) or written.get("interface") or places.mapping()[net.name]
        named = net.name in own or "interface" in written
        if name in taken:
            raise at.error(f"{name} of {node.name} is already that of '{taken[name]}'")
        if name in members:
            raise at.error(f"{name} is a member of {members[name]}", f"name {members[name]}")
        if named and declared and name not in declared:
            raise at.error(
                f"there is no link '{name}'",
                f"{nearest(name, frozenset(declared))}\na card needs no more than {name}: {{}}",
            )
        taken[name] = net.name


def _demand_own_macs(written: Sequence[_Written]) -> None:
    taken: dict[str, str] = {}
    for entry in written:
        for declared in entry.declared.values():
            mac = declared.link.mac
            if mac in taken:
                raise declared.place("mac").error(
                    f"{mac} of {entry.node.name} is already {taken[mac]}'s",
                    "give each node its own: links of the node",
                )
        macs = {declared.link.mac for declared in entry.declared.values()} - {""}
        taken |= dict.fromkeys(macs, entry.node.name)


def _demand_one_mtu(written: Sequence[_Written], networks: tuple[Network, ...]) -> None:
    """Raise InputError if nodes of one network cannot take each other's frames."""
    for net in networks:
        for entry in written:
            first = written[0]
            mtu, other = entry.node.mtu(net), first.node.mtu(net)
            if mtu != other:
                raise _place_of_mtu(entry, first, net).error(
                    f"in {net.name}, {entry.node.name} has the MTU {mtu} and "
                    f"{first.node.name} {other}",
                    "all nodes of a network have the same",
                )


def _place_of_mtu(entry: _Written, first: _Written, net: Network) -> Value:
    """Where the file says the MTU of either in `net`: that of `entry`, if it says it."""
    for which in (entry, first):
        name = which.node.interface(net)
        if name in which.declared:
            return which.declared[name].place("mtu")
    raise AssertionError(f"nobody says an MTU of {net.name}")


def _memory(value: Value) -> str:
    text = str(value.scalar())
    if not MEMORY.fullmatch(text):
        raise value.error(f"not an amount of memory: '{text}'", "write 512M or 2G")
    return text
