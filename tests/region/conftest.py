"""The region under test and a tenant in it: see tests/support/cloud.py for how it is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloud import Region, Tenant, reached, tenant
from tinyguest import Guest, tiny_guest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.region)
            item.add_marker(pytest.mark.timeout(420))


@pytest.fixture(scope="session")
def region(checkout: Path) -> Iterator[Region]:
    with reached(checkout) as found:
        if isinstance(found, str):
            pytest.skip(found)
        yield found


@pytest.fixture(scope="session")
def guest() -> Guest:
    return tiny_guest()


@pytest.fixture(scope="session")
def someone(region: Region, guest: Guest) -> Iterator[Tenant]:
    with tenant(region, guest) as found:
        yield found


@dataclass(frozen=True, slots=True)
class Pair:
    """Two servers of one network on two hypervisors, ready; the first with a floating IP."""

    tenant: Tenant
    first: Any
    second: Any
    consoles: dict[str, str]
    address: str


@pytest.fixture(scope="session")
def pair(someone: Tenant) -> Pair:
    """Pings are let in by a rule of the default group, nothing else is."""
    cloud = someone.cloud
    net, _, _ = someone.network("tenant", "192.168.50.0/24")
    group = next(iter(cloud.network.security_groups(project_id=someone.project, name="default")))
    for rule in ({"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 80}):
        more = {"port_range_max": rule["port_range_min"]} if "port_range_min" in rule else {}
        cloud.network.create_security_group_rule(
            security_group_id=group.id, direction="ingress", ethertype="IPv4", **rule, **more
        )
    apart = cloud.compute.create_server_group(name="apart", policy="anti-affinity")
    servers = [
        someone.boot(name, net.id, scheduler_hints={"group": apart.id})
        for name in ("first", "second")
    ]
    consoles = {server.name: someone.ready(server) for server in servers}
    floating = someone.floating(servers[0])
    return Pair(someone, servers[0], servers[1], consoles, floating.floating_ip_address)
