"""What instances notice of the operator's work: of an upgrade nothing, of a reboot only that."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keystoneauth1.exceptions
import openstack.exceptions
import pytest
from cloud import Region, wait
from deploykit.reboot import reboot_nodes
from railway import Railway

PINGS_A_SECOND = 5
LOSS_PER_CENT = 1.0
UPGRADE_TIMEOUT = 1800.0  # seconds
# A line of the configuration of every nova, every neutron and every agent: all are restarted.
EDITS = (
    ("salt/states/nova/files/nova.conf.jinja", "rpc_response_timeout = 30"),
    ("salt/states/neutron/files/neutron.conf.jinja", "rpc_response_timeout = 20"),
)


@contextmanager
def pinging(region: Region, address: str) -> Iterator[list[str]]:
    """Ping `address` from outside all the while; afterwards the list holds what ping says."""
    words = ["ssh", "-F", str(region.inventory.ssh_config), region.outside.name]
    # One word as -t dies with the connection: without it the remote ping would go on for ever.
    line = f"timeout -s INT {UPGRADE_TIMEOUT:.0f} ping -q -i {1 / PINGS_A_SECOND} {address}"
    stop = f"pkill -INT -f '^ping -q .* {address}$'"
    child = subprocess.Popen([*words, line], stdout=subprocess.PIPE, text=True)
    said: list[str] = []
    try:
        yield said
    finally:
        region.try_on(region.outside.name, stop)
        said.append(child.communicate(timeout=30)[0])


def loss(said: list[str]) -> tuple[int, float]:
    """How many pings were sent, and how many per cent were lost."""
    found = re.search(r"(\d+) packets transmitted, (\d+) received", said[0])
    assert found, said
    sent, received = int(found.group(1)), int(found.group(2))
    return sent, 100.0 * (sent - received) / sent


def processes(region: Region) -> dict[str, str]:
    """The process ids of the guests on each hypervisor."""
    return {
        host.name: region.on(host.name, "pgrep -f '[q]emu-system' | sort | xargs")
        for host in region.with_role("hypervisor")
    }


@pytest.fixture
def own(railway: Railway | None) -> Railway:
    if railway is None:
        pytest.skip("only on a region of the tests' own: a named one is not changed")
    return railway


def test_second_run_of_every_state_changes_nothing(region: Region) -> None:
    # Its exit status is not 0 where a state fails: which one is said below.
    words = "/opt/salt/bin/salt --static --out=json -t 300 '*' state.apply"
    _, text = region.try_on(region.inventory.master.name, f"{words} 2>/dev/null", timeout=600)
    answers = json.loads(text)
    assert set(answers) == {host.name for host in region.inventory.minions}
    odd = [
        f"{name}: {state['__id__']}: {state['comment']} {state['changes']}"
        for name, states in answers.items()
        for state in states.values()
        if state["changes"] or state["result"] is False
    ]
    assert not odd, "\n".join(odd)


def test_instances_notice_nothing_of_an_upgrade(
    own: Railway, region: Region, pair: Any, record_property: Any
) -> None:
    before = processes(region)
    for file, line in EDITS:
        name, _, value = line.partition(" = ")
        own.change(file, line, f"{name} = {int(value) + 1}")
    with pinging(region, pair.address) as said:
        own("deploy", own.cut(), "minimal", timeout=UPGRADE_TIMEOUT)
    sent, lost = loss(said)
    record_property("pings", sent)
    record_property("lost_per_cent", lost)
    assert sent > 20 * PINGS_A_SECOND
    assert lost <= LOSS_PER_CENT, said
    assert processes(region) == before


@pytest.mark.parametrize("role", ["hypervisor", "network"])
def test_node_that_boots_again_brings_everything_back(
    own: Railway, region: Region, pair: Any, role: str
) -> None:
    """The instance on the hypervisor runs again, the gateway leads to it again, without hands."""
    assert wait(lambda: not down(region), 180), down(region)
    name = region.with_role(role)[0].name
    if role == "hypervisor":
        name = pair.tenant.host(pair.first)
    reboot_nodes(region.inventory, [region.inventory.host(name)])
    assert region.ping(pair.address, seconds=600)
    assert wait(lambda: not down(region), 180), down(region)


def down(region: Region) -> list[str]:
    """Services and agents that the API says are down; or why it does not say."""
    try:
        return said_down(region)
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException) as error:
        return [f"the API does not answer: {error}"]


def said_down(region: Region) -> list[str]:
    api = region.admin()
    found = [f"{one.binary} on {one.host}" for one in api.compute.services() if one.state != "up"]
    return found + [
        f"{one.binary} on {one.host}" for one in api.network.agents() if not one.is_alive
    ]
