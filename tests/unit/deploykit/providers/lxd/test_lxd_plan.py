"""Names, subnets and requests of the lxd provider, decided without LXD."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError, InputError
from deploykit.providers.common import render_hosts
from deploykit.providers.lxd.network import is_own
from deploykit.providers.lxd.node import demand_same
from deploykit.providers.lxd.plan import (
    UPLINKS,
    Names,
    Source,
    bridge_settings,
    choose_uplink,
    demand_names,
    instance_tags,
    machine_id,
    name_servers,
    node_request,
    own_nics,
    profile_devices,
    render_interfaces,
    routes,
    uplink_addresses,
)
from deploykit.site.environment import Environment, parse_environment
from deploykit.site.instance import Instance

COPY = Instance("test", copy="x")
TEXT = """\
name: test
networks:
  management: {cidr: 10.30.0.0/24}
  tunnel: {cidr: 10.30.4.0/22}
nodes:
  salt: {roles: [master], at: 10}
  compute: {roles: [hypervisor], count: 2, at: 31, memory: 512M}
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    file = tmp_path / "test.yml"
    file.write_text(TEXT, encoding="utf-8")
    return parse_environment(file)


def test_bridge_names_fit_and_differ_by_site_and_instance() -> None:
    names = {
        Names(site, instance).network(place)
        for site in ("0a1b2c", "ffffff")
        for instance in (Instance("test"), COPY, Instance("a" * 31))
        for place in (0, 1, 42)
    }
    assert len(names) == 2 * 3 * 3
    assert max(len(name) for name in names) <= 15
    assert all(name.startswith(("dk0a1b2c", "dkffffff")) for name in names)


def test_project_of_a_copy_is_no_project_of_an_environment() -> None:
    assert Names("0a1b2c", COPY).project == "dk-0a1b2c-test.x"
    assert Names("0a1b2c", COPY).project != Names("0a1b2c", Instance("test-x")).project


def test_bridge_is_its_own_by_the_names_on_it() -> None:
    config = {"user.deploykit.site": "0a1b2c", "user.deploykit.instance": "test~x"}
    network = {"managed": True, "config": config}
    assert is_own(network, Names("0a1b2c", COPY))
    assert not is_own(network, Names("0a1b2c", Instance("test")))
    assert not is_own({**network, "managed": False}, Names("0a1b2c", COPY))


def test_uplink_is_the_same_for_the_same_seed() -> None:
    assert choose_uplink("a", []) == choose_uplink("a", [])
    assert choose_uplink("a", []) != choose_uplink("b", [])
    assert choose_uplink("a", []).subnet_of(UPLINKS)


def test_uplink_overlaps_nothing_that_is_taken() -> None:
    first = choose_uplink("a", [])
    wide = first.supernet(new_prefix=16)
    small = IPv4Network((int(choose_uplink("a", [wide]).network_address) + 5, 32))
    chosen = choose_uplink("a", [wide, small])
    assert not chosen.overlaps(wide)
    assert not chosen.overlaps(small)


def test_default_route_takes_nothing() -> None:
    assert choose_uplink("a", [IPv4Network("0.0.0.0/0")]) == choose_uplink("a", [])


def test_no_free_uplink_is_told() -> None:
    with pytest.raises(DeployKitError, match="no free /24"):
        choose_uplink("a", [IPv4Network("10.0.0.0/8")])


def test_routes_and_name_servers_are_read(tmp_path: Path) -> None:
    listing = [{"dst": "default"}, {"dst": "10.9.0.0/16"}, {"dst": "10.1.1.1"}, {"dst": "odd"}]
    assert routes(listing) == [IPv4Network("10.9.0.0/16"), IPv4Network("10.1.1.1/32")]
    file = tmp_path / "resolv.conf"
    file.write_text("search x\nnameserver 192.0.2.53\nnameserver fe80::1\n", encoding="utf-8")
    assert name_servers(file) == [IPv4Network("192.0.2.53/32")]


def test_uplink_address_follows_at(environment: Environment) -> None:
    found = uplink_addresses(environment, IPv4Network("10.200.7.0/24"))
    assert {name: str(address) for name, address in found.items()} == {
        "salt": "10.200.7.10", "compute1": "10.200.7.31", "compute2": "10.200.7.32",
    }  # fmt: skip


def test_interfaces_and_hosts_are_rendered(environment: Environment) -> None:
    assert render_interfaces(environment, environment.nodes[1]) == (
        "auto eth1\niface eth1 inet static\n  address 10.30.0.31/24\n"
        "auto eth2\niface eth2 inet static\n  address 10.30.4.31/22"
    )
    assert render_hosts(environment).splitlines() == [
        "127.0.0.1 localhost",
        "::1 localhost ip6-localhost",
        "10.30.0.10 salt",
        "10.30.0.31 compute1",
        "10.30.0.32 compute2",
    ]


def test_only_nodes_whose_roles_need_it_are_privileged(environment: Environment) -> None:
    names = Names("0a1b2c", Instance("test"))
    address = IPv4Network("10.200.7.0/24")[10]
    salt, compute, _ = (
        node_request(
            environment,
            node,
            names,
            source=Source("default", "dkbase-x"),
            address=address,
            authorized_key="ssh-ed25519 K",
            tags={},
        )
        for node in environment.nodes
    )
    assert "security.privileged" not in salt["config"]
    assert "tun" not in salt["devices"]
    assert "limits.memory" not in salt["config"]
    assert compute["config"]["security.privileged"] == "true"
    assert compute["config"]["limits.memory"] == "512MiB"
    assert compute["devices"]["tun"]["path"] == "/dev/net/tun"


def test_own_tags_win_over_given_ones(environment: Environment) -> None:
    tags = instance_tags(Names("0a1b2c", COPY), environment, {"site": "evil", "owner": "me"})
    assert tags == {
        "user.deploykit.site": "0a1b2c",
        "user.deploykit.instance": "test~x",
        "user.deploykit.environment": "test",
        "user.deploykit.owner": "me",
        "user.deploykit.protected": "false",
    }


def test_profile_has_a_nic_per_network(environment: Environment) -> None:
    names = Names("0a1b2c", Instance("test"))
    devices = profile_devices(environment, names)
    assert devices["eth2"]["network"] == names.network(2)
    assert set(devices) == {"root", "eth1", "eth2"}


def test_copied_node_has_a_machine_id_of_its_own_each_time_its_instance_is_made() -> None:
    one, two = Names("abc123", Instance("test", copy="a")), Names("abc123", Instance("test"))
    ids = {
        machine_id(names, node, created)
        for names in (one, two)
        for node in ("salt", "web")
        for created in ("2026-11-28T12:00:00Z", "2026-11-28T12:00:01Z")
    }
    assert len(ids) == 8
    assert all(re.fullmatch(r"[0-9a-f]{32}", found) for found in ids)
    assert machine_id(one, "salt", "x") == machine_id(one, "salt", "x")


NAMED = """\
name: test
networks:
  management: {interface: bond0.100, subnets: {left: {cidr: 10.30.0.0/24, gateway: 10.30.0.1},
               right: {cidr: 10.30.1.0/24, gateway: 10.30.1.1}}}
  tunnel: {cidr: 10.30.4.0/22, cidr6: "fd30::/64", interface: data}
links:
  bond0: {bond: [eno1, eno2]}
  bond0.100: {vlan: 100, on: bond0}
  data: {mtu: 9000}
nodes:
  salt: {roles: [master], at: 10, rack: left}
  compute:
    roles: [hypervisor]
    at: 31
    rack: right
    interfaces: {tunnel: fast}
    links: {fast: {mac: "52:54:00:12:34:56", mtu: 9000}}
"""


@pytest.fixture
def named(tmp_path: Path) -> Environment:
    file = tmp_path / "test.yml"
    file.write_text(NAMED, encoding="utf-8")
    return parse_environment(file)


def test_interfaces_are_rendered_by_their_names_with_mtu_ipv6_and_the_way_to_other_subnets(
    named: Environment,
) -> None:
    assert render_interfaces(named, named.nodes[1]).splitlines() == [
        "auto bond0.100",
        "iface bond0.100 inet static",
        "  address 10.30.1.31/24",
        "  up ip route replace 10.30.0.0/24 dev bond0.100",
        "auto fast",
        "iface fast inet static",
        "  address 10.30.4.31/22",
        "  mtu 9000",
        "iface fast inet6 static",
        "  address fd30::1f/64",
        "  accept_ra 0",
        "  autoconf 0",
    ]


def test_node_has_a_nic_of_its_own_where_its_interface_is_another(named: Environment) -> None:
    names = Names("0a1b2c", Instance("test"))
    profile = profile_devices(named, names)
    assert [profile[device]["name"] for device in ("eth1", "eth2")] == ["bond0.100", "data"]
    assert own_nics(named, named.nodes[0], names) == {}
    assert own_nics(named, named.nodes[1], names) == {
        "eth2": {
            "type": "nic",
            "name": "fast",
            "network": names.network(2),
            "hwaddr": "52:54:00:12:34:56",
        }
    }


def test_bridge_carries_what_its_network_does(named: Environment, environment: Environment) -> None:
    assert bridge_settings(named, 1) == {}
    assert bridge_settings(named, 2) == {"bridge.mtu": "9000"}
    assert bridge_settings(environment, 2) == {}


def test_interface_with_the_name_of_the_uplink_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "test.yml"
    for old, line in (("interface: data", 5), ("tunnel: fast", 16)):
        text = NAMED.replace(old, f"{old.split(':')[0]}: eth0")
        text = text.replace("links:\n  bond0", "links:\n  eth0: {mtu: 9000}\n  bond0")
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"eth0 of .* is the uplink") as caught:
            demand_names(parse_environment(file))
        assert f"test.yml:{line + (line > 6)}: " in caught.value.message


def as_made(environment: Environment, names: Names) -> dict[str, dict[str, dict[str, object]]]:
    """The nodes as LXD would tell of them."""
    address = IPv4Network("10.200.7.0/24")[10]
    return {
        node.name: node_request(
            environment,
            node,
            names,
            source=Source("default", "dkbase-x"),
            address=address,
            authorized_key="ssh-ed25519 K",
            tags={},
        )
        for node in environment.nodes
    }  # type: ignore[return-value]


def test_nodes_that_were_made_otherwise_are_refused_before_anything_is_changed(
    named: Environment, environment: Environment, tmp_path: Path
) -> None:
    names = Names("0a1b2c", Instance("test"))
    for one in (named, environment):
        demand_same(names, one, as_made(one, names))
    file = tmp_path / "test.yml"
    for old, new in (("12:34:56", "12:34:57"), ("tunnel: fast", "tunnel: data"), ("9000", "8000")):
        file.write_text(NAMED.replace(old, new), encoding="utf-8")
        with pytest.raises(DeployKitError, match=r"node (compute|salt) was made with other"):
            demand_same(names, parse_environment(file), as_made(named, names))
