"""Instances, if the region has hypervisors: one boots, is reached from outside, and is gone."""

import ipaddress
import json
import time

import pytest

SERVICES = ("identity", "compute", "network", "image")  # what the script asks, in its order
# What every hypervisor has; it asks for an address and answers pings.
KERNEL = "/boot/ipxe.lkrn"
PATIENCE = 60  # seconds from the instance's start to its answer


def answers(host, address):
    """Whether `address` answers a node within PATIENCE, three times in a row."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if host.run("ping -q -c 3 -i 0.2 -W 2 %s", address).rc == 0:
            return True
    return False


def pool(region, host, address):
    """The network of a node's external address, and its last two addresses that no node has."""
    shown = host.check_output("ip -o -4 address show to %s", address).split()
    cidr = ipaddress.ip_interface(shown[shown.index("inet") + 1]).network
    taken = {node["addresses"].get("external") for node in region.nodes.values()}
    free = [host for host in list(cidr.hosts())[-20:] if str(host) not in taken]
    return str(cidr), str(free[-2]), str(free[-1])


def test_instance_is_booted_reached_from_outside_and_taken_away(region):
    hypervisors = region.with_role("hypervisor")
    whole = region.catalogued.keys() >= set(SERVICES) and region.with_role("network")
    if not hypervisors or not whole:
        pytest.skip("this environment has no hypervisor, or not all that an instance needs")
    others = [
        name
        for name, node in region.nodes.items()
        if "external" in node["addresses"] and "network" not in node["roles"]
    ]
    if not others:
        pytest.skip("no node but gateways has an address in the network 'external'")
    outside = region.host(others[0])
    lent = pool(region, outside, region.nodes[others[0]]["addresses"]["external"])
    urls = [region.catalogued[kind] for kind in SERVICES]
    kernel = region.read(hypervisors[0], KERNEL)
    script = "on_master_instance.py"
    try:
        made = json.loads(region.on_master(script, "up", *urls, *lent, stdin=kernel))
        assert (made["status"], made["fault"]) == ("ACTIVE", "")
        assert answers(outside, made["address"]), f"{others[0]} does not reach {made['address']}"
    finally:
        left = json.loads(region.on_master(script, "down", *urls))
    assert left == {}
