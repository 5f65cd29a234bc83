"""A hundred instances asked for at once: others are served, and the hypervisors share them equally.

The hypervisors are nova's own fake driver's (four processes beside the real one, in a zone of their
own): what a storm asks of the control plane, without what it would ask of this machine.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

import keystoneauth1.exceptions
import openstack.exceptions
import pytest
from cloud import Region, Tenant, wait

pytestmark = pytest.mark.faults
ZONE, HOSTS, SERVERS = "storm", 4, 100
PATIENCE = 900.0  # seconds for one request of the storm: the last of them waits for all the others
OTHERS_WAIT = (
    60.0  # seconds for a request of somebody else: as long as the services wait themselves
)
SETTLED = 1200.0  # seconds until the last instance is up


@dataclass(slots=True)
class Heard:
    """What somebody who asks now and then was answered, and how long the longest answer took."""

    statuses: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0

    def ask(self, session: Any, kind: str, path: str) -> None:
        begun = time.monotonic()
        try:
            answer = session.get(
                path,
                endpoint_filter={"service_type": kind, "interface": "public"},
                raise_exc=False,
                timeout=OTHERS_WAIT,
            )
            self.statuses[str(answer.status_code)] += 1
        except keystoneauth1.exceptions.ClientException as error:
            self.statuses[type(error).__name__] += 1
        self.longest = max(self.longest, time.monotonic() - begun)


@pytest.fixture
def fakes(region: Region) -> Iterator[list[str]]:
    """Four equal hypervisors that pretend, on a real one, in a zone of their own."""
    node, api = region.with_role("hypervisor")[0].name, region.admin()
    hosts = [f"storm{number}" for number in range(1, HOSTS + 1)]
    for host in hosts:
        own = f"[DEFAULT]\\nhost = {host}\\ncompute_driver = fake.FakeDriver\\n"
        region.on(
            node,
            f"printf '{own}' >/run/{host}.conf && systemd-run --quiet --unit {host}"
            f" --uid=nova --gid=nova nova-compute --config-file /etc/nova/nova.conf"
            f" --config-file /run/{host}.conf",
        )
    aggregate = None
    try:
        assert wait(lambda: {*hosts} <= up(api), 180, 3.0), "the fakes do not report"
        controller = region.with_role("compute-api")[0].name
        discover = "runuser -u nova -- nova-manage cell_v2 discover_hosts"
        region.on(controller, discover, timeout=120)
        aggregate = api.compute.create_aggregate(name=ZONE, availability_zone=ZONE)
        for host in hosts:
            api.compute.add_host_to_aggregate(aggregate, host)
        yield hosts
    finally:
        if aggregate:
            for host in hosts:
                api.compute.remove_host_from_aggregate(aggregate, host)
            api.compute.delete_aggregate(aggregate)
        region.try_on(node, f"systemctl stop {' '.join(hosts)}; rm -f /run/storm[1-4].conf")
        for service in api.compute.services(binary="nova-compute"):
            if service.host in hosts:
                api.compute.delete_service(service)


def up(api: Any) -> set[str]:
    """The hosts of the hypervisors that report to be up."""
    services = api.compute.services(binary="nova-compute")
    return {one.host for one in services if one.state == "up"}


@pytest.fixture
def stormer(region: Region, someone: Tenant) -> Iterator[Tenant]:
    """A tenant who may have so many, and has none of them afterwards."""
    quota = {"instances": SERVERS + 10, "cores": SERVERS + 10, "ram": (SERVERS + 10) * 1024}
    someone.admin.compute.update_quota_set(someone.project, **quota)
    someone.cloud.session.timeout = PATIENCE
    try:
        yield someone
    finally:
        mine = [one for one in someone.cloud.compute.servers() if one.name.startswith(ZONE)]
        for server in mine:
            someone.cloud.compute.delete_server(server)
        for server in mine:
            someone.cloud.compute.wait_for_delete(server, interval=2, wait=SETTLED)


def test_storm_of_instances_leaves_others_served_and_hypervisors_equal(
    region: Region, stormer: Tenant, fakes: list[str], record_property: Any
) -> None:
    heard, over = Heard(), Event()
    other = region.admin().session
    other.get_token()  # the other one was here before the storm

    def ask_now_and_then() -> None:
        while not over.wait(2):
            heard.ask(other, "compute", "/servers")
            heard.ask(other, "network", "/v2.0/networks")
            heard.ask(other, "image", "/v2/images")

    asking = Thread(target=ask_now_and_then, daemon=True)
    asking.start()
    begun = time.monotonic()
    try:
        with ThreadPoolExecutor(SERVERS) as pool:
            refused = [
                said for said in pool.map(lambda n: asked(stormer, n), range(SERVERS)) if said
            ]
        record_property("storm_accepted_seconds", round(time.monotonic() - begun, 1))
        assert wait(lambda: settled(stormer), SETTLED, 5.0), "instances are still being built"
    finally:
        over.set()
        asking.join(4 * OTHERS_WAIT)
    record_property("storm_settled_seconds", round(time.monotonic() - begun, 1))
    record_property("storm_others_longest_seconds", round(heard.longest, 1))
    shares = Counter(
        one.hypervisor_hostname
        for one in stormer.admin.compute.servers(all_projects=True, project_id=stormer.project)
        if one.name.startswith(ZONE)
    )
    record_property("storm_shares", dict(shares))
    assert not refused, Counter(refused)
    assert set(heard.statuses) == {"200"}, heard.statuses
    assert set(shares) <= set(fakes), shares
    assert max(shares.values()) <= 2 * SERVERS / HOSTS, shares


def asked(tenant: Tenant, number: int) -> str:
    """Ask for one instance; why it was refused, '' where it was not."""
    try:
        tenant.cloud.compute.create_server(
            name=f"{ZONE}-{number}",
            image_id=tenant.image,
            flavor_id=tenant.flavor,
            networks="none",
            availability_zone=ZONE,
        )
    except (openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException) as error:
        return f"{type(error).__name__}: {error}"[:120]
    return ""


def settled(tenant: Tenant) -> bool:
    """Whether every instance of the storm is up. Fails at the first that never will be."""
    states = Counter(
        one.status for one in tenant.cloud.compute.servers() if one.name.startswith(ZONE)
    )
    assert not states["ERROR"], states
    return states["ACTIVE"] >= SERVERS
