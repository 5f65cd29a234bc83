"""What an instance is in a cloud, decided without asking one: its networks, ports and servers.

Each is a `Wanted` under a word of its own, `port:salt:management`, which stands in its mark too. So
what is there and what is to be made are compared word by word, whoever was cut off when.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from typing import Any

from deploykit.base.errors import InputError
from deploykit.providers.openstack.marks import Mark
from deploykit.site.environment import Environment, Node
from deploykit.site.networks import Network, Subnet

Seen = Mapping[str, Mapping[str, Any]]  # what there is of an instance, by its word

UPLINK = "uplink"
ROUTER, GROUP, ATTACHED, FLOATING = "router", "group", "attached", "floating"
GATEWAY = f"port:{UPLINK}-gateway"
SSH_PORT = 22
# Uplinks are of these, the last one first that meets nothing else. All instances may have the same.
UPLINKS = IPv4Network("10.192.0.0/10")
UPLINK_LENGTH = 22


@dataclass(frozen=True, slots=True)
class Ref:
    """In a body: the `key` of what `what` is once it is there."""

    what: str
    key: str = "id"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something to make: its word, its kind, and the body of the request, with Refs.

    `after` are words of what must be there too.
    """

    what: str
    kind: str
    body: Mapping[str, Any]
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        """The words of what must be there first."""
        return frozenset(self.after) | frozenset(ref.what for ref in _refs(self.body))

    def filled(self, seen: Seen) -> Any:
        """The body with what its Refs mean."""
        return _fill(self.body, seen)


@dataclass(frozen=True, slots=True)
class Making:
    """Of what servers are made: ids of image and flavor, what they are told, their metadata."""

    image: str
    flavor: str
    user_data: str
    metadata: Mapping[str, str]
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Outside:
    """The network that floating addresses come from, and where a subnet of it lies."""

    id: str
    cidrs: tuple[IPv4Network, ...] = field(default=())


def port_of(node: Node, network: str) -> str:
    """The word of a node's port in `network`."""
    return f"port:{node.name}:{network}"


def server_of(node: Node) -> str:
    return f"server:{node.name}"


def choose_uplink(environment: Environment, outside: Outside) -> IPv4Network:
    """A network for the nodes' uplink, behind a router of its own, that meets no other's addresses.

    Raises InputError if the environment and the cloud leave none.
    """
    taken = [*outside.cidrs, *environment.clouds.dns]
    taken += [cidr for net in environment.networks for cidr in net.cidrs]
    nets = [one if isinstance(one, IPv4Network) else IPv4Network(one) for one in taken]
    for candidate in reversed(list(UPLINKS.subnets(new_prefix=UPLINK_LENGTH))):
        if not any(candidate.overlaps(net) for net in nets):
            return candidate
    raise InputError(f"{environment.file}: no part of {UPLINKS} is left for the nodes' uplink")


def wanted_networks(
    environment: Environment, mark: Mark, outside: Outside, dns: Sequence[str]
) -> list[Wanted]:
    """All that servers stand on: networks, router, group, ports, and the one floating address."""
    master = port_of(environment.master, UPLINK)
    floating = {"floating_network_id": outside.id, "port_id": Ref(master)}
    return [
        *_uplink(environment, mark, outside, dns),
        *_group(mark),
        *(one for net in environment.networks for one in _network(mark, net)),
        *(one for node in environment.nodes for one in _ports(environment, mark, node)),
        replace(_marked(mark, FLOATING, "floating", floating, name=False), after=(ATTACHED,)),
    ]


def wanted_server(environment: Environment, mark: Mark, node: Node, making: Making) -> Wanted:
    """The request of a node's server. Its first card is the uplink, then the networks in order."""
    ports = [port_of(node, name) for name in (UPLINK, *(net.name for net in environment.networks))]
    body = {
        "name": f"{mark.instance}-{node.name}",
        "imageRef": making.image,
        "flavorRef": making.flavor,
        "networks": [{"port": Ref(port)} for port in ports],
        "user_data": base64.b64encode(making.user_data.encode()).decode(),
        "metadata": dict(making.metadata),
        **({"availability_zone": making.zone} if making.zone else {}),
    }
    return Wanted(server_of(node), "server", body)


def next_steps(wanted: Iterable[Wanted], seen: Seen) -> list[Wanted]:
    """What can be made now: it is not there, and all that it needs is."""
    return [one for one in wanted if one.what not in seen and one.needs <= seen.keys()]


def missing(wanted: Iterable[Wanted], seen: Seen) -> list[Wanted]:
    return [one for one in wanted if one.what not in seen]


def differences(environment: Environment, wanted: Iterable[Wanted], seen: Seen) -> list[str]:
    """The words of what is there with other addresses than the environment's file has now."""
    expected = {one.what: one for one in wanted}
    different = [
        what
        for what, thing in seen.items()
        if what in expected and not _is_as(expected[what], thing, seen)
    ]
    names = {node.name for node in environment.nodes}
    gone = [w for w in seen if w.startswith("server:") and w.partition(":")[2] not in names]
    return sorted(different + gone)


def attached(seen: Seen) -> Mapping[str, Any] | None:
    """The port by which the router is on the uplink, if it is."""
    port, router = seen.get(GATEWAY), seen.get(ROUTER)
    if port is None or router is None or port.get("device_id") != router["id"]:
        return None
    return port


def ssh_addresses(environment: Environment, seen: Seen) -> dict[str, str]:
    """Where each node is reached that has an address: the master at the floating one, the others
    at their uplink's, from the master."""
    addresses = {}
    for node in environment.nodes:
        port = seen.get(port_of(node, UPLINK))
        if port is not None and port.get("fixed_ips"):
            addresses[node.name] = str(port["fixed_ips"][0]["ip_address"])
    floating = seen.get(FLOATING)
    if floating is None:
        addresses.pop(environment.master.name, None)
    else:
        addresses[environment.master.name] = str(floating["floating_ip_address"])
    return addresses


def _uplink(
    environment: Environment, mark: Mark, outside: Outside, dns: Sequence[str]
) -> list[Wanted]:
    cidr = choose_uplink(environment, outside)
    gateway = str(cidr.network_address + 1)
    network, subnet = f"network:{UPLINK}", f"subnet:{UPLINK}"
    lies = {"network_id": Ref(network), "ip_version": 4, "cidr": str(cidr), "gateway_ip": gateway}
    names = {"dns_nameservers": list(dns)} if dns else {}
    at = {"subnet_id": Ref(subnet), "ip_address": gateway}
    return [
        _marked(mark, network, "network", {}),
        _marked(mark, subnet, "subnet", {**lies, **names}),
        _marked(mark, ROUTER, "router", {"external_gateway_info": {"network_id": outside.id}}),
        _marked(mark, GATEWAY, "port", {"network_id": Ref(network), "fixed_ips": [at]}),
        Wanted(ATTACHED, "attachment", {"router": Ref(ROUTER), "port_id": Ref(GATEWAY)}),
    ]


def _group(mark: Mark) -> list[Wanted]:
    """Who may reach a node by its uplink: SSH and pings from anywhere, the other nodes with all."""
    ssh: dict[str, Any] = {
        "protocol": "tcp",
        "port_range_min": SSH_PORT,
        "port_range_max": SSH_PORT,
    }
    icmp = {"protocol": "icmp"}
    rules: dict[str, dict[str, Any]] = {"ssh": ssh, "icmp": icmp}
    rules["nodes"] = {"remote_group_id": Ref(GROUP)}
    common = {"security_group_id": Ref(GROUP), "direction": "ingress", "ethertype": "IPv4"}
    return [
        _marked(mark, GROUP, "group", {}),
        *(
            _marked(mark, f"rule:{name}", "rule", {**common, **rule}, name=False)
            for name, rule in rules.items()
        ),
    ]


def _network(mark: Mark, net: Network) -> list[Wanted]:
    """A network of the environment: what nodes hold there beside their own address (virtual ones,
    those of a region's instances) is theirs to say, so neutron filters nothing."""
    word = f"network:{net.name}"
    return [
        _marked(mark, word, "network", {"port_security_enabled": False}),
        *(one for subnet in net.subnets for one in _subnets(mark, net, subnet)),
    ]


def _subnets(mark: Mark, net: Network, subnet: Subnet) -> list[Wanted]:
    common = {"network_id": Ref(f"network:{net.name}"), "enable_dhcp": False, "gateway_ip": None}
    found = [(_subnet_word(net, subnet, 4), 4, str(subnet.cidr))]
    if subnet.cidr6 is not None:
        found.append((_subnet_word(net, subnet, 6), 6, str(subnet.cidr6)))
    return [
        _marked(mark, word, "subnet", {**common, "ip_version": version, "cidr": cidr})
        for word, version, cidr in found
    ]


def _subnet_word(net: Network, subnet: Subnet, version: int) -> str:
    words = ["subnet", net.name, *([subnet.name] if subnet.name else [])]
    return ":".join(words) + ("" if version == 4 else ":6")


def _ports(environment: Environment, mark: Mark, node: Node) -> list[Wanted]:
    subnet, group = Ref(f"subnet:{UPLINK}"), Ref(GROUP)
    own = {
        "network_id": Ref(f"network:{UPLINK}"),
        "fixed_ips": [{"subnet_id": subnet}],
        "security_groups": [group],
    }
    ports = [_marked(mark, port_of(node, UPLINK), "port", own)]
    for net in environment.networks:
        rack, link = node.subnet(net), node.link(net)
        at = [(_subnet_word(net, rack, 4), str(node.address(net)))]
        if (address6 := node.address6(net)) is not None:
            at.append((_subnet_word(net, rack, 6), str(address6)))
        fixed = [{"subnet_id": Ref(word), "ip_address": address} for word, address in at]
        body = {"network_id": Ref(f"network:{net.name}"), "fixed_ips": fixed}
        mac = {"mac_address": link.mac} if link is not None and link.mac else {}
        ports.append(_marked(mark, port_of(node, net.name), "port", {**body, **mac}))
    return ports


def _marked(
    mark: Mark, what: str, kind: str, body: Mapping[str, Any], *, name: bool = True
) -> Wanted:
    named = {"name": f"{mark.instance}-{what.partition(':')[2] or what}"} if name else {}
    return Wanted(what, kind, {**named, "description": mark.text(what), **body})


def _is_as(wanted: Wanted, thing: Mapping[str, Any], seen: Seen) -> bool:
    """Whether what is there has the range, the addresses and the MAC that are wanted."""
    for key in ("cidr", "mac_address"):
        if key in wanted.body and key in thing and wanted.body[key] != thing[key]:
            return False
    fixed = [one["ip_address"] for one in wanted.body.get("fixed_ips", ()) if "ip_address" in one]
    there = {one["ip_address"] for one in thing.get("fixed_ips", ())}
    return not fixed or set(fixed) == there


def _refs(body: Any) -> Iterable[Ref]:
    if isinstance(body, Ref):
        yield body
    elif isinstance(body, Mapping):
        for value in body.values():
            yield from _refs(value)
    elif isinstance(body, (list, tuple)):
        for value in body:
            yield from _refs(value)


def _fill(body: Any, seen: Seen) -> Any:
    if isinstance(body, Ref):
        return seen[body.what][body.key]
    if isinstance(body, Mapping):
        return {key: _fill(value, seen) for key, value in body.items()}
    if isinstance(body, (list, tuple)):
        return [_fill(value, seen) for value in body]
    return body
