"""What a tenant gets: instances with addresses, metadata, a way in and out, and walls between."""

from __future__ import annotations

import re
from typing import Any

import openstack.exceptions
import pytest
from cloud import Region, Tenant, wait


def said(console: str, key: str) -> str:
    """What the guest wrote to its console of `key`."""
    found = re.search(rf"GUEST {key} (\S*)", console)
    assert found, console[-1500:]
    return found.group(1)


def test_two_instances_that_shall_be_apart_run_on_two_hypervisors(pair: Any) -> None:
    hosts = {pair.tenant.host(pair.first), pair.tenant.host(pair.second)}
    assert len(hosts) == 2


def test_guest_gets_its_address_by_dhcp(pair: Any) -> None:
    for server in (pair.first, pair.second):
        address = pair.tenant.port(server).fixed_ips[0]["ip_address"]
        assert said(pair.consoles[server.name], "ip") == address


def test_guest_is_told_the_mtu_that_fits_into_vxlan(pair: Any) -> None:
    assert said(pair.consoles["first"], "mtu") == "1450"


def test_guest_reads_its_own_metadata(pair: Any) -> None:
    console = pair.consoles["second"]
    assert said(console, "hostname").partition(".")[0] == "second"
    assert said(console, "local-ipv4") == said(console, "ip")
    assert said(console, "instance-id").startswith("i-")


def test_floating_ip_answers_ping_from_outside(region: Region, pair: Any) -> None:
    assert region.ping(pair.address)


def test_floating_ip_carries_tcp(region: Region, pair: Any) -> None:
    assert region.fetch(pair.address) == "tiny guest\n"


def test_instances_on_two_hypervisors_reach_each_other_over_vxlan(
    region: Region, pair: Any
) -> None:
    other = pair.tenant.port(pair.second).fixed_ips[0]["ip_address"]
    assert " 0% packet loss" in region.fetch(pair.address, f"/cgi-bin/ping?{other}")


def test_what_no_rule_lets_in_is_blocked(region: Region, pair: Any) -> None:
    cloud, tenant = pair.tenant.cloud, pair.tenant
    port = tenant.port(pair.first)
    closed = cloud.network.create_security_group(name="closed")
    before = port.security_group_ids
    try:
        cloud.network.update_port(port, security_groups=[closed.id])
        assert wait(lambda: not region.ping(pair.address, count=1, seconds=0), 30)
    finally:
        cloud.network.update_port(port, security_groups=before)
    assert region.ping(pair.address)
    cloud.network.delete_security_group(closed)


def test_request_past_the_quota_is_refused(someone: Tenant) -> None:
    used = len(list(someone.cloud.compute.servers()))
    someone.admin.compute.update_quota_set(someone.project, instances=used)
    try:
        net = someone.cloud.network.create_network(name="unused")
        someone.cloud.network.create_subnet(
            name="unused", network_id=net.id, ip_version=4, cidr="192.168.70.0/24"
        )
        with pytest.raises(openstack.exceptions.ForbiddenException, match=r"[Qq]uota"):
            someone.boot("too-many", net.id)
    finally:
        someone.admin.compute.update_quota_set(someone.project, instances=10)
        someone.cloud.network.delete_network(net)


def test_tenant_is_refused_what_is_the_operators(someone: Tenant) -> None:
    with pytest.raises(openstack.exceptions.ForbiddenException):
        list(someone.cloud.compute.services())


def test_console_is_reached_through_the_load_balancer(region: Region, pair: Any) -> None:
    console = pair.tenant.cloud.compute.create_console(pair.first, console_type="novnc")
    assert console["url"].startswith(f"https://{region.public.host}:6080/")
    answer = pair.tenant.cloud.session.get(console["url"], authenticated=False)
    assert answer.status_code == 200
    assert "noVNC" in answer.text


@pytest.mark.volumes
def test_volume_is_seen_by_the_guest_it_is_attached_to(region: Region, pair: Any) -> None:
    cloud = pair.tenant.cloud
    volume = cloud.block_storage.create_volume(name="disk", size=1)
    cloud.block_storage.wait_for_status(volume, "available", interval=1, wait=90)
    try:
        cloud.compute.create_volume_attachment(pair.first, volume_id=volume.id)
        assert wait(lambda: "vdb" in region.fetch(pair.address, "/cgi-bin/disks"), 60)
        cloud.compute.delete_volume_attachment(pair.first, volume.id)
        assert wait(lambda: "vdb" not in region.fetch(pair.address, "/cgi-bin/disks"), 60)
    finally:
        cloud.block_storage.wait_for_status(volume, "available", interval=1, wait=60)
        cloud.block_storage.delete_volume(volume)
