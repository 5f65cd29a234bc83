"""Interfaces by what they are: what is right is read, what does not fit is told with its line."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.site.description import environment_digest
from deploykit.site.environment import Environment, parse_environment

METAL = """\
name: metal
networks:
  management: {cidr: 10.20.0.0/24, cidr6: "fd20::/64", interface: bond0.100}
  tunnel: {cidr: 10.20.1.0/24, interface: bond0.200}
  external: {cidr: 10.20.2.0/24, interface: eno3}
links:
  bond0: {bond: [eno1, eno2], mode: 802.3ad, mtu: 9100}
  bond0.100: {vlan: 100, on: bond0}
  bond0.200: {vlan: 200, on: bond0, mtu: 9000}
  eno3: {}
nodes:
  salt: {roles: [master], at: 10}
  old:
    roles: [hypervisor]
    at: 11
    interfaces: {external: wan}
    links:
      bond0: {bond: [p1, p2], mtu: 9000}
      wan: {mac: "52:54:00:12:34:56"}
  compute: {roles: [hypervisor], count: 2, at: 31}
"""
RACKS = """\
name: racks
networks:
  management:
    vip: 10.20.0.5
    subnets:
      left: {cidr: 10.20.0.0/24, cidr6: "fd20:0::/64", gateway: 10.20.0.1, gateway6: "fd20:0::1"}
      right: {cidr: 10.20.1.0/24, cidr6: "fd20:1::/64", gateway: 10.20.1.1, gateway6: "fd20:1::1"}
  tunnel: {cidr: 10.21.0.0/24}
nodes:
  salt: {roles: [master], at: 10, rack: left}
  front: {roles: [load-balancer, virtual-address], at: 11, rack: left}
  compute: {roles: [hypervisor], count: 2, at: 31, rack: right}
  store:
    roles: [volume]
    at: 40
    addresses: {management: [10.20.1.99, "fd20:1::99"]}
"""


def read(folder: Path, text: str) -> Environment:
    file = folder / f"{text.split()[1]}.yml"
    file.write_text(text, encoding="utf-8")
    return parse_environment(file)


def refused(folder: Path, good: str, old: str, new: str) -> InputError:
    assert old in good
    with pytest.raises(InputError) as caught:
        read(folder, good.replace(old, new, 1))
    return caught.value


def test_network_of_a_node_is_the_interface_that_the_file_names(tmp_path: Path) -> None:
    environment = read(tmp_path, METAL)
    found = {node.name: environment.attachments(node) for node in environment.nodes}
    assert found["salt"] == {
        "management": {"interface": "bond0.100", "mtu": 1500},
        "tunnel": {"interface": "bond0.200", "mtu": 9000},
        "external": {"interface": "eno3"},
    }
    assert found["old"]["external"] == {"interface": "wan", "mac": "52:54:00:12:34:56"}
    assert found["compute2"] == found["salt"]


def test_links_come_after_those_that_they_stand_on_with_their_mtu(tmp_path: Path) -> None:
    old = read(tmp_path, METAL).node("old")
    found = [(link.name, link.mtu) for link in old.links]
    assert {"p1", "p2"} <= {name for name, _ in found}
    names = [name for name, _ in found]
    assert names.index("p1") < names.index("bond0") < names.index("bond0.200")
    assert dict(found) | {"eno3": None, "wan": None} == {
        "p1": 9000, "p2": 9000, "bond0": 9000, "bond0.100": 1500, "bond0.200": 9000,
        "eno3": None, "wan": None,
    }  # fmt: skip


def test_ipv6_addresses_follow_as_ipv4_ones_do(tmp_path: Path) -> None:
    environment = read(tmp_path, METAL)
    assert environment.addresses6(environment.node("compute1")) == {"management": "fd20::1f"}
    racks = read(tmp_path, RACKS)
    assert racks.addresses6(racks.node("compute1")) == {"management": "fd20:1::1f"}
    assert racks.addresses6(racks.node("store")) == {"management": "fd20:1::99"}


def test_node_is_in_the_subnet_of_its_rack_or_of_its_address(tmp_path: Path) -> None:
    environment = read(tmp_path, RACKS)
    management = environment.networks[0]
    subnets = {node.name: node.subnet(management).name for node in environment.nodes}
    assert subnets == {
        "salt": "left", "front": "left", "compute1": "right", "compute2": "right", "store": "right"
    }  # fmt: skip
    addresses = [environment.addresses(node)["management"] for node in environment.nodes]
    assert addresses == ["10.20.0.10", "10.20.0.11", "10.20.1.31", "10.20.1.32", "10.20.1.99"]
    assert management.subnets[1].gateway == IPv4Address("10.20.1.1")
    assert management.subnets[1].gateway6 == IPv6Address("fd20:1::1")


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "remedy"),
    [
        ("[eno1, eno2]", "[eno1, eno1]", 7, "eno1 is a member twice", "remove one"),
        ("[eno1, eno2]", "[]", 7, "at least one member", ""),
        ("[eno1, eno2]", "[bond0.100, eno2]", 7, "bond0.100 is no card", "are cards"),
        ("[eno1, eno2]", "[eno1, eno3]", 5, "eno3 is a member of bond0", "name bond0"),
        ("eno3: {}", "bond1: {bond: [eno2]}", 10, "eno2 is a member of bond0 already", ""),
        ("802.3ad", "802.3af", 7, "'802.3af' is no mode", "did you mean '802.3ad'?"),
        ("vlan: 200", "vlan: 4095", 9, "4095 is no VLAN", "1 to 4094"),
        ("vlan: 200", "vlan: 0", 9, "at least 1", ""),
        ("vlan: 200", "vlan: 100", 9, "bond0.100 is VLAN 100 on bond0", ""),
        ("{vlan: 200, on", "{vlna: 200, on", 9, "unknown key 'vlna'", "did you mean 'vlan'?"),
        ("{vlan: 200, on: bond0, mtu", "{vlan: 200, mtu", 9, "'on' is missing", "on: INTERFACE"),
        ("on: bond0}", "on: bnd0}", 8, "there is no link 'bnd0'", "did you mean 'bond0'?"),
        ("on: bond0, mtu", "on: bond0.100, mtu", 9, "bond0.100 is a VLAN itself", "a bond"),
        ("on: bond0}", "on: eno1}", 8, "eno1 is a member of a bond", "name the bond"),
        ("mtu: 9000}\n  eno3", "mtu: 9200}\n  eno3", 9, "9200 is more than bond0 has (9100)", ""),
        ("bond0, mtu: 9000", "bond0, mtu: 70000", 9, "70000 is no MTU", "9216"),
        ("bond0, mtu: 9000", "bond0, mtu: 576", 9, "at least 1280", ""),
        ("eno3: {}", "eno3: {mode: 802.3ad}", 10, "a card has no 'mode'", "known keys: mac"),
        ("interface: bond0.100", "interface: bond0.10", 3, "no link 'bond0.10'", "'bond0.100'"),
        ("interface: bond0.200", "interface: bond0.100", 4, "that of the network 'mana", ""),
        ("interface: bond0.200", "interface: lo", 4, "'lo' is no name for an interface", "15"),
        ("interface: bond0.200", 'interface: "a b"', 4, "'a b' is no name", ""),
        ("{external: wan}", "{extrenal: wan}", 16, "unknown key 'extrenal'", "'external'"),
        ("{external: wan}", "{external: wna}", 16, "no link 'wna'", "did you mean 'wan'?"),
        ("{external: wan}", "{external: bond0.100}", 16, "already that of 'management'", ""),
        ("52:54:00:12:34:56", "52:54:00:12:34", 19, "is no MAC address", "52:54"),
        ("52:54:00:12:34:56", "53:54:00:12:34:56", 19, "address of several cards", "own"),
        ("eno3: {}", 'eno3: {mac: "52:54:00:12:34:56"}', 19, "two links have the MAC", ""),
        ("eno3: {}", 'eno3: {mac: "52:54:00:aa:00:01"}', 10, "of old is already salt's", "node"),
        ("wan: {mac", "wan: {mtu: 9000, mac", 19, "old has the MTU 9000 and salt 1500", "same"),
        (
            "mtu: 9000}\n      wan",
            "mtu: 1500}\n      wan",
            9,
            "9000 is more than bond0 has",
            "bond0",
        ),
        ("fd20::/64", "fd20::1/64", 3, "not an IPv6 network", ""),
        ("10.20.1.0/24", "10.20.0.128/25", 4, "overlaps with network 'management'", ""),
        ("1.0/24, int", '1.0/24, cidr6: "fd20::/48", int', 4, "overlaps with network 'man", ""),
    ],
)
def test_interface_that_cannot_be_is_told_with_its_line(
    tmp_path: Path, *, old: str, new: str, line: int, message: str, remedy: str
) -> None:
    error = refused(tmp_path, METAL, old, new)
    assert error.message.startswith(f"{tmp_path / 'metal.yml'}:{line}: "), error.message
    assert message in error.message
    assert remedy in error.remedy
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "remedy"),
    [
        ("31, rack: right", "31", 12, "none of which compute1 is in", "rack: NAME"),
        ("31, rack: right", "31, rack: rihgt", 12, "no subnet 'rihgt'", "did you mean 'right'?"),
        (", gateway: 10.20.1.1", "", 7, "'gateway' is missing", "by way of it"),
        (', gateway6: "fd20:1::1"', "", 7, "'gateway6' is missing", "by way of it"),
        ("gateway: 10.20.1.1", "gateway: 10.20.0.1", 7, "10.20.0.1 lies outside 10.20.1.0", ""),
        ("right: {cidr: 10.20.1.0/24", "right: {cidr: 10.20.0.0/23", 7, "subnet 'left'", ""),
        ("fd20:1::/64", "fd20:0::/80", 7, "lies outside fd20::/80", ""),
        ("10.20.1.99", "10.20.3.99", 16, "10.20.3.99 lies outside management (10.20.0.0/24, ", ""),
        ("fd20:1::99", "fd20:0::99", 16, "not in the IPv6 subnet of its IPv4", ""),
        ("10.20.1.99", "10.20.1.31", 16, "10.20.1.31 is already compute1's", ""),
        ("fd20:1::99", "fd20:1::1f", 16, "fd20:1::1f is already compute1's", ""),
        ('"fd20:1::99"', "10.20.1.98", 16, "a second IPv4 address", "one of each"),
        ("at: 31", "at: 300", 12, "300 lies outside management", "addresses: {management: "),
        ("10.20.1.1,", "10.20.1.32,", 12, "10.20.1.32 is the gateway in management", "own"),
        ("11, rack: left", "11, rack: right", 4, "front is in another subnet", "its subnet"),
        ("vip: 10.20.0.5", "vip: 10.20.0.1", 4, "10.20.0.1 lies outside management", ""),
        ("    subnets:", "    cidr: 10.2.0.0/24\n    subnets:", 5, "unknown key 'cidr'", ""),
    ],
)
def test_subnet_or_address_that_cannot_be_is_told_with_its_line(
    tmp_path: Path, *, old: str, new: str, line: int, message: str, remedy: str
) -> None:
    error = refused(tmp_path, RACKS, old, new)
    assert error.message.startswith(f"{tmp_path / 'racks.yml'}:{line}: "), error.message
    assert message in error.message
    assert remedy in error.remedy


def test_digest_of_what_stands_counts_interfaces_and_ipv6(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        return environment_digest(read(tmp_path, text))

    first = digest(METAL)
    for old, new in (
        ("eno3", "eno4"),
        ("mode: 802.3ad", "mode: active-backup"),
        ("fd20::/64", "fd20::/56"),
    ):
        assert digest(METAL.replace(old, new)) != first, old
    plain = METAL[: METAL.index("links:")].replace(", interface: eno3", "")
    plain += "nodes: {salt: {roles: [master], at: 10}}\n"
    named = plain.replace("10.20.2.0/24}", "10.20.2.0/24, interface: eth3}")
    assert digest(plain) == digest(named)
