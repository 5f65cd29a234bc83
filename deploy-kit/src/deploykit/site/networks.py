"""The networks of an environment: their subnets, and the interface that nodes have there."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from deploykit.base.naming import check_key
from deploykit.base.yamlfile import Value, nearest
from deploykit.site.links import parse_interface

SERVICE_NETWORK = "management"  # where services are

ONE = frozenset({"cidr", "cidr6", "vip", "interface"})
SEVERAL = frozenset({"subnets", "vip", "interface"})
SUBNET = frozenset({"cidr", "cidr6", "gateway", "gateway6"})


@dataclass(frozen=True, slots=True)
class Subnet:
    """A range of addresses of a network; `name` is the rack's if there are several.

    The gateways lead to the network's other subnets; they are known if there are several.
    """

    name: str
    cidr: IPv4Network
    cidr6: IPv6Network | None = None
    gateway: IPv4Address | None = None
    gateway6: IPv6Address | None = None

    def is_for_nodes(self, address: IPv4Address) -> bool:
        """Whether a node may have `address` here."""
        return address in self.cidr and address not in (
            self.cidr.network_address,
            self.cidr.broadcast_address,
            self.gateway,
        )

    def is_for_nodes6(self, address: IPv6Address) -> bool:
        """The same for IPv6, where the first address is every router's."""
        return (
            self.cidr6 is not None
            and address in self.cidr6
            and address not in (self.cidr6.network_address, self.gateway6)
        )


@dataclass(frozen=True, slots=True)
class Network:
    """A network of an environment.

    `interface` is where nodes have it that say nothing else. `vip` is the virtual address that the
    nodes with VIRTUAL_ROLE share, one holding it at a time.
    """

    name: str
    subnets: tuple[Subnet, ...]
    interface: str
    vip: IPv4Address | None = None

    @property
    def cidrs(self) -> tuple[IPv4Network, ...]:
        return tuple(subnet.cidr for subnet in self.subnets)

    def subnet_with(self, address: IPv4Address) -> Subnet | None:
        """The subnet that a node with `address` is in."""
        return next((subnet for subnet in self.subnets if subnet.is_for_nodes(address)), None)

    def subnet_with6(self, address: IPv6Address) -> Subnet | None:
        return next((subnet for subnet in self.subnets if subnet.is_for_nodes6(address)), None)

    def subnet_of_rack(self, rack: str) -> Subnet | None:
        """The subnet of `rack`, or the only one."""
        if len(self.subnets) == 1:
            return self.subnets[0]
        return next((subnet for subnet in self.subnets if subnet.name == rack), None)

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(str(cidr) for cidr in self.cidrs)})"


def parse_networks(value: Value) -> tuple[Network, ...]:
    """`networks` of an environment. Raises InputError if one does not fit, or meets another.

    A network that names no interface has the one of its place in the file: eth1, eth2, ...
    """
    networks: list[Network] = []
    for place, (name, entry) in enumerate(value.mapping().items(), start=1):
        check_key(entry, name)
        several = "subnets" in entry.mapping()
        keys = entry.mapping(SEVERAL if several else ONE)
        if not several and "cidr" not in keys:
            raise entry.error("the key 'cidr' is missing")
        subnets = _subnets(keys["subnets"]) if several else (_subnet("", keys),)
        _demand_apart(entry, name, subnets, networks)
        interface = parse_interface(keys["interface"]) if "interface" in keys else f"eth{place}"
        for other in networks:
            if other.interface == interface:
                at = keys.get("interface", entry)
                raise at.error(f"{interface} is already that of the network '{other.name}'")
        network = Network(name, subnets, interface)
        vip = _vip(keys["vip"], network) if "vip" in keys else None
        networks.append(Network(name, subnets, interface, vip))
    if not networks:
        raise value.error("at least one network is needed")
    return tuple(networks)


def racks(networks: tuple[Network, ...]) -> frozenset[str]:
    """The names of subnets."""
    return frozenset(subnet.name for net in networks for subnet in net.subnets if subnet.name)


def parse_address(value: Value) -> IPv4Address:
    """An IPv4 address. Raises InputError."""
    try:
        return IPv4Address(value.text())
    except ValueError as error:
        raise value.error(f"not an IPv4 address: {error}") from None


def _subnets(value: Value) -> tuple[Subnet, ...]:
    subnets = []
    for name, entry in value.mapping().items():
        check_key(entry, name)
        subnets.append(_subnet(name, entry.mapping(SUBNET, needed=("cidr",))))
    for subnet, entry in zip(subnets, value.mapping().values(), strict=True):
        if subnet.gateway is None and len(subnets) > 1:
            raise entry.error(
                "the key 'gateway' is missing", "the other subnets are reached by way of it"
            )
        others6 = [other for other in subnets if other.cidr6 is not None and other is not subnet]
        if subnet.cidr6 is not None and subnet.gateway6 is None and others6:
            raise entry.error(
                "the key 'gateway6' is missing", "the other subnets are reached by way of it"
            )
    if not subnets:
        raise value.error("at least one subnet is needed")
    return tuple(subnets)


def _subnet(name: str, keys: dict[str, Value]) -> Subnet:
    try:
        cidr = IPv4Network(keys["cidr"].text())
    except ValueError as error:
        raise keys["cidr"].error(f"not an IPv4 network: {error}") from None
    subnet = Subnet(name, cidr, _cidr6(keys["cidr6"]) if "cidr6" in keys else None)
    gateway, gateway6 = None, None
    if "gateway" in keys:
        gateway = parse_address(keys["gateway"])
        if not subnet.is_for_nodes(gateway):
            raise keys["gateway"].error(f"{gateway} lies outside {cidr}")
    if "gateway6" in keys:
        gateway6 = parse_address6(keys["gateway6"])
        if not subnet.is_for_nodes6(gateway6):
            raise keys["gateway6"].error(f"{gateway6} lies outside {subnet.cidr6 or 'any cidr6'}")
    return Subnet(name, cidr, subnet.cidr6, gateway, gateway6)


def _cidr6(value: Value) -> IPv6Network:
    try:
        return IPv6Network(value.text())
    except ValueError as error:
        raise value.error(f"not an IPv6 network: {error}") from None


def parse_address6(value: Value) -> IPv6Address:
    """An IPv6 address. Raises InputError."""
    try:
        return IPv6Address(value.text())
    except ValueError as error:
        raise value.error(f"not an IPv6 address: {error}") from None


def _demand_apart(
    entry: Value, name: str, subnets: tuple[Subnet, ...], networks: list[Network]
) -> None:
    """Raise InputError if a subnet meets one before it; `entry` is the network's."""
    before = [(net.name, earlier) for net in networks for earlier in net.subnets]
    for subnet in subnets:
        at = entry.mapping()
        if subnet.name:
            at = at["subnets"].mapping()[subnet.name].mapping()
        for other, earlier in before:
            if earlier.cidr.overlaps(subnet.cidr):
                raise at["cidr"].error(f"overlaps with {_name_of(other, earlier)} ({earlier.cidr})")
            if earlier.cidr6 and subnet.cidr6 and earlier.cidr6.overlaps(subnet.cidr6):
                raise at["cidr6"].error(
                    f"overlaps with {_name_of(other, earlier)} ({earlier.cidr6})"
                )
        before.append((name, subnet))


def _name_of(network: str, subnet: Subnet) -> str:
    return f"network '{network}'" + (f", subnet '{subnet.name}'" if subnet.name else "")


def _vip(value: Value, network: Network) -> IPv4Address:
    vip = parse_address(value)
    if network.subnet_with(vip) is None:
        raise value.error(f"{vip} lies outside {network}")
    return vip


def parse_rack(value: Value, networks: tuple[Network, ...]) -> str:
    """The rack of a node: the subnet that it is in. Raises InputError if there is none such."""
    rack = value.text()
    known = racks(networks)
    if rack not in known:
        remedy = nearest(rack, known) if known else "no network has 'subnets'"
        raise value.error(f"there is no subnet '{rack}'", remedy)
    return rack
