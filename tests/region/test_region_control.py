"""The region's own services: the catalogue names them, they answer, each one is alive."""

from __future__ import annotations

import socket

import pytest
import requests
from cloud import Region

TYPES = {"identity", "image", "placement", "compute", "network"}
# SSH, MariaDB, RabbitMQ (by TLS, and as it was), services behind the balancer, metadata,
# Prometheus, memcached.
INSIDE = (22, 3306, 5671, 5672, 8443, 8775, 9090, 11211)


def test_token_comes_with_a_catalogue_of_every_service(region: Region) -> None:
    session = region.admin().session
    catalogue = session.auth.get_access(session).service_catalog.catalog
    names = {service["type"] for service in catalogue}
    assert names >= TYPES
    for name, role in {"volumev3": "volume-api", "orchestration": "orchestration"}.items():
        assert (name in names) == bool(region.with_role(role)), name


def test_public_endpoints_answer_over_tls_that_the_region_vouches_for(region: Region) -> None:
    cloud = region.admin()
    for kind in sorted(TYPES):
        url = cloud.session.get_endpoint(service_type=kind, interface="public")
        assert url.startswith(f"https://{region.public.host}:"), f"{kind}: {url}"
        answer = cloud.session.get(url, authenticated=True, raise_exc=False)
        assert answer.status_code < 400, f"{kind}: {answer.status_code}"


def test_services_are_told_other_endpoints_than_outsiders(region: Region) -> None:
    cloud = region.admin()
    for kind in sorted(TYPES):
        url = cloud.session.get_endpoint(service_type=kind, interface="internal")
        assert url.startswith(f"https://{region.front}:"), f"{kind}: {url}"


def test_what_only_nodes_ask_is_closed_to_outsiders(region: Region) -> None:
    for port in INSIDE:
        with pytest.raises(OSError, match=r"timed out|refused"):
            socket.create_connection((str(region.public.address), port), timeout=3)


def test_certificate_is_refused_by_whoever_does_not_know_the_region(region: Region) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(region.auth_url, timeout=30)


def test_every_compute_service_is_up(region: Region) -> None:
    found = list(region.admin().compute.services())
    hypervisors = {one.host for one in found if one.binary == "nova-compute" and one.state == "up"}
    assert hypervisors == {host.name for host in region.with_role("hypervisor")}
    assert {"nova-conductor", "nova-scheduler"} <= {one.binary for one in found}
    assert not [f"{one.binary} on {one.host}" for one in found if one.state != "up"]


def test_every_network_agent_is_alive(region: Region) -> None:
    found = list(region.admin().network.agents())
    expected = {
        (host.name, "neutron-linuxbridge-agent")
        for role in ("hypervisor", "network")
        for host in region.with_role(role)
    } | {
        (host.name, f"neutron-{agent}-agent")
        for host in region.with_role("network")
        for agent in ("dhcp", "l3", "metadata")
    }
    assert {(one.host, one.binary) for one in found} == expected
    assert not [f"{one.binary} on {one.host}" for one in found if not one.is_alive]


def test_no_unit_has_failed_on_any_node(region: Region) -> None:
    for host in region.inventory.hosts:
        failed = region.on(host.name, "systemctl list-units --state=failed --plain --no-legend")
        assert not failed, f"{host.name}: {failed}"


def test_rule_for_a_hardware_address_can_be_deleted_as_it_is_listed(region: Region) -> None:
    """Else neutron's agent tries for ever, alive to all appearances."""
    chain = "ebtables -t nat"
    line = (
        f"{chain} -N tapx && {chain} -A tapx -i tapx --among-src fa:16:3e:00:00:01 -j RETURN; "
        f"{chain} -D tapx $({chain} -L tapx | grep among-src); left=$({chain} -L tapx); "
        f'{chain} -F tapx; {chain} -X tapx; echo "$left"'
    )
    for host in region.with_role("hypervisor"):
        assert "tapx, entries: 0" in region.on(host.name, line)
