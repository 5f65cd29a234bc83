"""What an instance is in a cloud, what one lacks, what a server's state means: without a cloud."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError, InputError
from deploykit.providers import NodeState
from deploykit.providers.openstack import marks
from deploykit.providers.openstack.fate import Fate, fate_of, state_of
from deploykit.providers.openstack.fit import Flavor, fitting
from deploykit.providers.openstack.marks import Mark, read_mark, tag_metadata, tags_of
from deploykit.providers.openstack.plan import (
    Outside,
    choose_uplink,
    missing,
    next_steps,
    wanted_networks,
)
from deploykit.providers.openstack.userdata import make_host_key, render_interfaces, script
from deploykit.site.environment import Environment, parse_environment
from deploykit.site.instance import Instance
from hypothesis import given
from hypothesis import strategies as st

RACKS = """\
name: racks
networks:
  management:
    subnets:
      left: {cidr: 10.20.0.0/24, gateway: 10.20.0.1, cidr6: "fd00:20::/64", gateway6: "fd00:20::1"}
      right: {cidr: 10.20.1.0/24, gateway: 10.20.1.1, cidr6: "fd00:21::/64", gateway6: "fd00:21::1"}
  tunnel: {cidr: 10.252.0.0/14}
nodes:
  salt: {roles: [master], at: 10, rack: left, links: {eth2: {mac: "52:54:00:00:00:01", mtu: 1400}}}
  web: {roles: [load-balancer], at: 11, rack: right, links: {eth2: {mtu: 1400}}}
"""
MARK = Mark("site-1", Instance("racks"))


@pytest.fixture
def racks(tmp_path: Path) -> Environment:
    (tmp_path / "racks.yml").write_text(RACKS, encoding="utf-8")
    return parse_environment(tmp_path / "racks.yml")


def test_everything_is_made_in_an_order_that_exists_and_once(racks: Environment) -> None:
    wanted = wanted_networks(racks, MARK, Outside("out"), [])
    assert len({one.what for one in wanted}) == len(wanted)
    seen: dict[str, dict[str, str]] = {}
    rounds = 0
    while steps := next_steps(wanted, seen):
        seen |= {one.what: {"id": f"id of {one.what}"} for one in steps}
        rounds += 1
    assert missing(wanted, seen) == [] and rounds < 8


@given(st.data())
def test_whatever_is_there_already_the_rest_can_be_made(data: st.DataObject) -> None:
    folder = Path(__file__).parent
    environment = _parsed(folder)
    wanted = wanted_networks(environment, MARK, Outside("out"), [])
    words = [one.what for one in wanted]
    seen = {what: {"id": what} for what in data.draw(st.sets(st.sampled_from(words)))}
    while steps := next_steps(wanted, seen):
        seen |= {one.what: {"id": one.what} for one in steps}
    assert missing(wanted, seen) == []


def _parsed(folder: Path) -> Environment:
    import tempfile

    with tempfile.TemporaryDirectory() as made:
        (Path(made) / "racks.yml").write_text(RACKS, encoding="utf-8")
        return parse_environment(Path(made) / "racks.yml")


def test_port_has_the_addresses_of_the_nodes_rack_and_the_mac_that_the_file_says(
    racks: Environment,
) -> None:
    bodies = {one.what: one.body for one in wanted_networks(racks, MARK, Outside("out"), [])}
    fixed = bodies["port:web:management"]["fixed_ips"]
    assert [one["ip_address"] for one in fixed] == ["10.20.1.11", "fd00:21::b"]
    assert fixed[0]["subnet_id"].what == "subnet:management:right"
    assert bodies["port:salt:tunnel"]["mac_address"] == "52:54:00:00:00:01"
    assert "mac_address" not in bodies["port:web:tunnel"]
    assert bodies["subnet:management:left:6"]["ip_version"] == 6
    assert bodies["network:management"]["description"] == (
        "deploy-kit site-1 racks network:management"
    )


def test_uplink_meets_no_address_of_environment_or_cloud(racks: Environment) -> None:
    import ipaddress

    free = choose_uplink(racks, Outside("out"))
    assert str(free) == "10.251.252.0/22"  # those above are the tunnel's
    outside = Outside("out", (ipaddress.IPv4Network("10.251.0.0/16"),))
    assert str(choose_uplink(racks, outside)) == "10.250.252.0/22"
    everything = Outside("out", (ipaddress.IPv4Network("10.0.0.0/8"),))
    with pytest.raises(InputError, match="no part of"):
        choose_uplink(racks, everything)


def test_cards_have_what_the_cloud_carries_at_most_and_the_way_to_other_racks(
    racks: Environment,
) -> None:
    seen = {
        **{f"network:{name}": {"mtu": 1450} for name in ("uplink", "management", "tunnel")},
        **{
            f"port:salt:{name}": {"mac_address": f"FA:16:3E:00:00:0{n}"}
            for n, name in enumerate(("uplink", "management", "tunnel"))
        },
    }
    assert render_interfaces(racks, racks.master, seen).splitlines() == [
        "fa:16:3e:00:00:00 - 1450",
        "fa:16:3e:00:00:01 eth1 1450 10.20.0.10/24 fd00:20::a/64 via 10.20.1.0/24 fd00:21::/64",
        "fa:16:3e:00:00:02 eth2 1400 10.252.0.10/14",
    ]


def test_cards_are_named_by_their_macs_and_swapped_where_they_must(tmp_path: Path) -> None:
    cards = tmp_path / "net"
    for name, mac in (("eth0", "0a"), ("eth1", "0c"), ("eth2", "0b"), ("br0", "0b")):
        (cards / name).mkdir(parents=True)
        (cards / name / "address").write_text(f"fa:{mac}\n")
    (cards / "br0" / "lower_eth2").mkdir()
    table, program = tmp_path / "table", tmp_path / "interfaces.sh"
    table.write_text(
        "fa:0a - 1450\nfa:0b eth1 1450 10.0.0.2/24\n"
        "fa:0c eth2 1400 10.1.0.2/24 fd00::2/64 via 10.2.0.0/24 fd01::/64\n"
    )
    program.write_text(script())
    (tmp_path / "bin").mkdir()
    ip = f"""#!/bin/sh
echo "$*" >>{tmp_path}/said
case "$*" in *" name "*) mv "{cards}/$4" "{cards}/$6" ;; esac
"""
    (tmp_path / "bin" / "ip").write_text(ip)
    (tmp_path / "bin" / "sysctl").write_text("#!/bin/sh\n")
    for name in ("ip", "sysctl"):
        (tmp_path / "bin" / name).chmod(0o755)
    text = program.read_text().replace("PATH=/usr/sbin", f"PATH={tmp_path}/bin:/usr/sbin")
    program.write_text(text)
    subprocess.run(
        ["sh", program, table], env={"CARDS": str(cards), "PATH": "/bin"}, check=True, timeout=20
    )
    named = {card.name: (card / "address").read_text().strip() for card in cards.iterdir()}
    assert (named["eth1"], named["eth2"], named["eth0"]) == ("fa:0b", "fa:0c", "fa:0a")
    said = (tmp_path / "said").read_text()
    assert "link set dev eth0 mtu 1450 up" in said
    assert "address replace 10.0.0.2/24 dev eth1" in said
    assert "-6 address replace fd00::2/64 dev eth2 nodad" in said
    assert "\nroute replace 10.2.0.0/24 dev eth2" in said
    assert "-6 route replace fd01::/64 dev eth2" in said


def test_host_key_is_one_that_openssh_takes(tmp_path: Path) -> None:
    key = make_host_key()
    (tmp_path / "key").write_text(key.private)
    (tmp_path / "key").chmod(0o600)
    done = subprocess.run(
        ["ssh-keygen", "-y", "-f", tmp_path / "key"], capture_output=True, text=True, timeout=20
    )
    assert done.stdout.split()[:2] == key.public.split(), done.stderr
    assert make_host_key().public != key.public


@pytest.mark.parametrize(
    "thing",
    [
        {"description": "deploy-kit site-1 racks"},
        {"description": "deploy-kit site-1 racks network:x more"},
        {"description": "Deploy-kit site-1 racks network:x"},
        {"description": None},
        {"metadata": {marks.SITE: "site-1", marks.INSTANCE: "racks"}, "description": "x"},
        {},
    ],
)
def test_what_only_looks_like_ours_is_not(thing: dict[str, object]) -> None:
    assert read_mark(thing) is None and MARK.what_of(thing) is None


def test_tags_are_kept_whole_or_refused() -> None:
    tags = {"purpose": "a pod", "release": "sha256:" + "0" * 64}
    assert tags_of({"metadata": {**tag_metadata(tags), "their": "own"}}) == tags
    for bad in ({"a/b": "c"}, {"k": "x" * 256}):
        with pytest.raises(InputError, match="cannot be kept by a cloud"):
            tag_metadata(bad)
    with pytest.raises(DeployKitError, match=re.escape("clouds keep 255")):
        Mark("s" * 250, Instance("racks")).text("router")


def test_smallest_flavor_that_fits_is_taken() -> None:
    flavors = [
        Flavor("1", "a", 512, 1, 1),
        Flavor("2", "b", 4096, 40, 2),
        Flavor("3", "c", 2048, 40, 8),
        Flavor("4", "d", 2048, 20, 1),
        Flavor("5", "e", 2048, 0, 1),
    ]
    found = [
        fitting(flavors, memory=m, disk=d) for m, d in ((500, 1), (513, 4), (513, 30), (1, 50))
    ]
    assert [one and one.name for one in found] == ["a", "d", "c", None]


TASK, LAUNCHED = {"OS-EXT-STS:task_state": "deleting"}, {"OS-SRV-USG:launched_at": "2026"}


@pytest.mark.parametrize(
    ("server", "fate", "state"),
    [
        ({"status": "ACTIVE"}, Fate.RUNS, NodeState.RUNNING),
        ({"status": "ACTIVE", **TASK}, Fate.GOES, NodeState.MISSING),
        ({"status": "BUILD"}, Fate.WAIT, NodeState.STOPPED),
        ({"status": "SHUTOFF"}, Fate.START, NodeState.STOPPED),
        ({"status": "SHUTOFF", "OS-EXT-STS:task_state": "powering-on"}, Fate.WAIT,
         NodeState.STOPPED),
        ({"status": "ERROR"}, Fate.REMOVE, NodeState.STOPPED),
        ({"status": "ERROR", **LAUNCHED}, Fate.STUCK, NodeState.STOPPED),
        ({"status": "PAUSED"}, Fate.STUCK, NodeState.STOPPED),
    ],
)  # fmt: skip
def test_state_of_a_server_says_what_is_to_be_done(
    server: dict[str, str], fate: Fate, state: NodeState
) -> None:
    assert (fate_of(server), state_of(server)) == (fate, state)
