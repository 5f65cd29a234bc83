"""What Vagrant is told of an environment, and what is read of its nodes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from deploykit.base.errors import InputError, Refused
from deploykit.providers.vagrant.box import Box, user_files
from deploykit.providers.vagrant.guest import read_info, read_look
from deploykit.providers.vagrant.plan import Names, demand_containers, nics, topology
from deploykit.site.environment import parse_environment
from deploykit.site.instance import Instance

VAGRANTS = Instance("dev", "vagrant")
ENVIRONMENT = """\
name: small
provider: vagrant
networks:
  management: {cidr: 10.92.0.0/24}
  external: {cidr: 10.92.2.0/23}
nodes:
  salt: {roles: [master], at: 10}
  controller: {roles: [database, cache], at: 11, memory: 2G}
  compute: {roles: [hypervisor], count: 2, at: 31, memory: 768M}
"""


def small(folder: Path) -> dict[str, object]:
    file = folder / "small.yml"
    file.write_text(ENVIRONMENT, encoding="utf-8")
    box = Box("deploy-kit-0123456789ab-abcdef", "0123456789ab", Path("/cache/box/it.box"))
    found = topology("a1b2c3", parse_environment(file), box, "ssh-ed25519 AAAA it")
    return {**found, "file": "small.yml"}


def test_the_topology_of_an_environment_is_as_in_the_golden_file(
    tmp_path: Path, checkout: Path
) -> None:
    found = json.dumps(small(tmp_path), indent=2, sort_keys=True) + "\n"
    golden = checkout / "tests" / "unit" / "vagrant" / "golden" / "topology.json"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(found, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == found


def test_names_of_bridges_fit_the_kernel_and_differ() -> None:
    names = [
        Names("a1b2c3", instance).bridge(place)
        for instance in (Instance("dev"), VAGRANTS, Instance("an-environment-with-a-long-name"))
        for place in (1, 2)
    ]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 15 for name in names)


def test_addresses_of_interfaces_are_local_and_differ() -> None:
    names = Names("a1b2c3", Instance("dev"))
    macs = {names.mac(node, place) for node in ("salt", "compute1") for place in range(4)}
    assert len(macs) == 8
    assert all(mac.startswith("00:16:3e:") for mac in macs)


def test_a_throwaway_copy_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="dev~copy"):
        Names("a1b2c3", Instance("dev", copy="copy"))
    assert Names("a1b2c3", VAGRANTS).environment == "dev"


def test_a_look_into_a_node_gives_its_uplink_address_and_host_keys() -> None:
    address = {"family": "inet", "local": "10.0.3.7", "scope": "global"}
    listing = json.dumps([{"ifname": "eth0", "addr_info": [address]}])
    told = f"{listing}\nssh-ed25519 AAAAC3 root@here\nssh-rsa AAAAB3 \n"
    assert read_look(told) == (("10.0.3.7",), ("ssh-ed25519 AAAAC3", "ssh-rsa AAAAB3"))


def test_a_node_without_address_gives_none() -> None:
    assert read_look('[{"ifname": "eth0", "addr_info": []}]\n') == ((), ())


def test_a_container_tells_its_state_and_memory() -> None:
    told = "State:          RUNNING\nCPU use:        120\nMemory use:     175243264\n"
    assert read_info(told) == ("running", 175243264)
    assert read_info("State:          STOPPED\n") == ("stopped", 0)


def test_the_box_has_a_user_that_vagrant_can_use() -> None:
    present = {
        "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "etc/shadow": "root:*:::::::\n",
        "etc/group": "root:x:0:\n",
    }
    files = user_files(present, "ssh-rsa AAAA insecure\n")
    assert files["etc/passwd"][0].splitlines()[0] == "root:x:0:0::/root:/bin/sh"
    assert files["etc/passwd"][0].splitlines()[1].startswith("vagrant:x:1000:")
    assert files["etc/sudoers.d/vagrant"][1] == 0o440
    text, mode, owner = files["home/vagrant/.ssh/authorized_keys"]
    assert (text, mode, owner) == ("ssh-rsa AAAA insecure\n", 0o600, 1000)


def test_containers_have_the_interfaces_that_the_file_names(tmp_path: Path) -> None:
    file = tmp_path / "small.yml"
    text = ENVIRONMENT.replace("10.92.2.0/23}", "10.92.2.0/23, interface: wan}")
    text = text.replace("nodes:", "links: {wan: {mtu: 9000}}\nnodes:")
    text = text.replace("at: 10}", 'at: 10, links: {wan: {mtu: 9000, mac: "52:54:00:12:34:56"}}}')
    file.write_text(text, encoding="utf-8")
    environment = parse_environment(file)
    names = Names("a1b2c3", Instance("small"))
    own = nics(environment, environment.nodes[0], names)[2]
    assert own == {
        "name": "wan", "bridge": names.bridge(2), "mac": "52:54:00:12:34:56", "mtu": 9000
    }  # fmt: skip
    others = nics(environment, environment.nodes[1], names)[2]
    assert others == {**own, "mac": names.mac("controller", 2)}
    with pytest.raises(Refused, match=r"external of salt .* virtual machines cannot"):
        demand_containers(environment)


def test_virtual_machines_have_one_ipv4_address_on_counted_interfaces(tmp_path: Path) -> None:
    file = tmp_path / "small.yml"
    file.write_text(ENVIRONMENT, encoding="utf-8")
    demand_containers(parse_environment(file))
    file.write_text(ENVIRONMENT.replace("2.0/23}", '2.0/23, cidr6: "fd92::/64"}'), encoding="utf-8")
    with pytest.raises(Refused, match="external of salt"):
        demand_containers(parse_environment(file))
