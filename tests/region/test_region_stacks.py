"""Stacks: what a tenant's template describes is made as a whole, and goes as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import openstack.exceptions
import pytest
from cloud import BOOT_SECONDS, Region, Tenant, engines, wait

pytestmark = pytest.mark.stacks
SECONDS = 120  # for whatever no guest has to start for
Make = Callable[[str, dict[str, Any]], Any]


def ref(name: str) -> dict[str, str]:
    return {"get_resource": name}


def with_a_server(tenant: Tenant) -> dict[str, Any]:
    """A server in a network of its own, with a floating address that answers ping."""
    icmp = {"protocol": "icmp", "direction": "ingress"}
    port = {"network": ref("net"), "security_groups": [ref("group")]}
    return {
        "net": kind("Neutron::Net", {}),
        "subnet": kind("Neutron::Subnet", {"network": ref("net"), "cidr": "192.168.80.0/24"}),
        "router": kind("Neutron::Router", {"external_gateway_info": {"network": tenant.external}}),
        "link": kind(
            "Neutron::RouterInterface", {"router": ref("router"), "subnet": ref("subnet")}
        ),
        "group": kind("Neutron::SecurityGroup", {"rules": [icmp]}),
        "port": {**kind("Neutron::Port", port), "depends_on": ["subnet"]},
        "server": kind(
            "Nova::Server",
            {"image": tenant.image, "flavor": tenant.flavor, "networks": [{"port": ref("port")}]},
        ),
        "address": {
            **kind(
                "Neutron::FloatingIP", {"floating_network": tenant.external, "port_id": ref("port")}
            ),
            "depends_on": ["link"],
        },
    }


def that_grows() -> dict[str, Any]:
    """A group of one port, and who makes it two when told."""
    port = {"type": "OS::Neutron::Port", "properties": {"network": ref("net")}}
    group = {"min_size": 1, "max_size": 2, "resource": port}
    grow = {
        "auto_scaling_group_id": ref("group"),
        "adjustment_type": "change_in_capacity",
        "scaling_adjustment": 1,
    }
    return {
        "net": kind("Neutron::Net", {}),
        "group": kind("Heat::AutoScalingGroup", group),
        "grow": kind("Heat::ScalingPolicy", grow),
    }


def kind(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": f"OS::{name}", "properties": properties}


@pytest.fixture
def make(someone: Tenant) -> Iterator[Make]:
    """Makes stacks of resources and waits until they are there; they go after the test."""
    api = someone.cloud.orchestration
    made = []

    def one(name: str, resources: dict[str, Any]) -> Any:
        template = {"heat_template_version": "2021-04-16", "resources": resources}
        made.append(api.create_stack(name=name, template=template))
        found = wait(lambda: settled(someone, made[-1].id), BOOT_SECONDS)
        assert found, f"{name}: not made within {BOOT_SECONDS} s"
        assert found.status == "CREATE_COMPLETE", f"{found.status}: {found.status_reason}"
        return found

    yield one
    for stack in made:
        gone(someone, stack)


def settled(tenant: Tenant, stack: str) -> Any:
    """The stack when nothing of it is being made or changed; else None."""
    found = tenant.cloud.orchestration.get_stack(stack)
    return None if found.status.endswith("_IN_PROGRESS") else found


def gone(tenant: Tenant, stack: Any) -> None:
    """Delete the stack and wait until it is."""
    api = tenant.cloud.orchestration
    api.delete_stack(stack)
    left = wait(lambda: not [one for one in api.stacks() if one.id == stack.id], SECONDS)
    assert left, api.get_stack(stack.id).status_reason


def resources(tenant: Tenant, stack: Any) -> dict[str, str]:
    """The ids of what the stack made, by their names in the template."""
    found = tenant.cloud.orchestration.resources(stack)
    return {one.logical_resource_id: one.physical_resource_id for one in found}


def networking(tenant: Tenant) -> set[str]:
    """Ids of whatever the tenant has in the network's API."""
    api, mine = tenant.cloud.network, {"project_id": tenant.project}
    lists = (api.networks, api.subnets, api.ports, api.routers, api.ips, api.security_groups)
    return {one.id for every in lists for one in every(**mine)}


def test_every_engine_is_up(region: Region) -> None:
    expected = {host.name: True for host in region.with_role("orchestration")}
    assert engines(region.admin()) == expected


def test_stack_makes_a_server_that_answers_ping_and_leaves_nothing(
    region: Region, someone: Tenant, make: Make
) -> None:
    api = someone.cloud
    servers = {one.id for one in api.compute.servers()}
    stack = make("with-a-server", with_a_server(someone))
    made = resources(someone, stack)
    server = api.compute.get_server(made["server"])
    assert server.status == "ACTIVE"
    someone.ready(server)
    address = api.network.get_ip(made["address"]).floating_ip_address
    assert region.ping(address)
    gone(someone, stack)
    assert {one.id for one in api.compute.servers()} == servers
    assert not networking(someone) & set(made.values())
    network = made["net"]
    assert not list(someone.admin.network.ports(network_id=network))
    look = "ip netns; virsh -q list --all --uuid 2>/dev/null; true"
    for host in region.inventory.hosts:
        left = region.on(host.name, look)
        assert made["server"] not in left, host.name
        assert f"qrouter-{made['router']}" not in left, host.name


def test_stack_acts_for_its_owner_later_by_a_trust(someone: Tenant, make: Make) -> None:
    """What grows after a signal is made by heat itself, with no token of the owner's."""
    api = someone.cloud
    stack = make("that-grows", that_grows())
    made = resources(someone, stack)

    def ports() -> int:
        return len(list(api.network.ports(network_id=made["net"])))

    assert ports() == 1
    url = f"/stacks/{stack.name}/{stack.id}/resources/grow/signal"
    assert api.orchestration.post(url, json={}).status_code == 200
    assert wait(lambda: ports() == 2, SECONDS)


def test_stack_that_cannot_be_made_says_why(someone: Tenant) -> None:
    api = someone.cloud.orchestration
    missing = kind("Nova::Server", {"image": "none-such", "flavor": someone.flavor})
    template = {"heat_template_version": "2021-04-16", "resources": {"server": missing}}
    with pytest.raises(openstack.exceptions.BadRequestException, match="none-such"):
        api.create_stack(name="wrong", template=template)
    assert not [one for one in api.stacks() if one.name == "wrong"]
