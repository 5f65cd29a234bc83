"""A region with three controllers goes on when one of them is lost, whichever it is."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from cloud import Region, pinging, wait
from deploykit.base.errors import NodeUnreachable
from losses import answers, boots, recovered, unplugged
from railway import Railway

pytestmark = [pytest.mark.faults, pytest.mark.ha]
API_SECONDS = 60.0  # until the API answers again at the virtual address
# Until an instance that is asked for comes up. RPC that the lost node's services had in hand times
# out after a minute, and the instance it was for ends in an error: its user asks again.
BOOT_SECONDS = 150.0
ROUTER_SECONDS = 60.0  # until another gateway is the router's
ANSWER_SECONDS = 30.0  # for a login and two lists
JOINED_SECONDS = 300.0  # until the node that came back is a part of both clusters again
DEPLOY_SECONDS = 900.0
RESTORE_SECONDS = 180.0  # until the database is back at a moment, on every node
VERSIONS = "/usr/lib/python3/dist-packages/"
SCHEMAS = {  # of whatever widens before and narrows after: how its database is asked
    "keystone": f"/etc/keystone/keystone.conf database {VERSIONS}keystone/common/sql/migrations",
    "neutron": "/etc/neutron/neutron.conf database "
    f"{VERSIONS}neutron/db/migration/alembic_migrations",
}
# The last revision that narrows keystone's tables does nothing in Zed: its mark alone can go.
UNMARK = "DELETE FROM keystone.alembic_version WHERE version_num = 'e25ffa003242'"


def has(region: Region, role: str, line: str, lost: str = "") -> str:
    """The one node with `role` on which a line of shell prints something, "" where it is none or
    for the moment more than one; `lost` is not asked."""
    asked = [host.name for host in region.with_role(role) if host.name != lost]
    found = [name for name in asked if region.on(name, line).strip()]
    return found[0] if len(found) == 1 else ""


def holder(region: Region, lost: str = "") -> str:
    """The node that has the virtual address."""
    return has(region, "virtual-address", f"ip -4 -o address show to {region.front}", lost)


def gateway(region: Region, address: str, lost: str = "") -> str:
    """The node whose router answers for a floating address."""
    line = f"ip netns | cut -d' ' -f1 | xargs -rI@ ip -n @ -4 -o address show to {address}"
    return has(region, "network", line, lost)


def known(region: Region, address: str) -> bool:
    """Whether every gateway would answer for a floating address, were it the router's.

    What an agent was just about to be told when a node went, it is told only after a minute.
    """
    line = f"grep -qsF {address}/32 /var/lib/neutron/ha_confs/*/keepalived.conf"
    return all(region.try_on(host.name, line)[0] == 0 for host in region.with_role("network"))


def slowest(region: Region) -> float:
    """Seconds of the slowest of several clients, so many that each process of each node has had
    one: what they ask for is in the database."""
    seconds = []
    for _ in range(4 * len(region.with_role("identity"))):
        begun = time.monotonic()
        api = region.admin()
        assert list(api.compute.services())
        assert list(api.network.agents())
        seconds.append(time.monotonic() - begun)
    return max(seconds)


def joined(region: Region) -> bool:
    """Whether every controller is a part of the database cluster and of the broker's."""
    databases, brokers = region.with_role("database"), region.with_role("messaging")
    size = "mariadb -NBe \"show status like 'wsrep_cluster_size'\""
    with suppress(NodeUnreachable):
        for host in databases:
            if region.try_on(host.name, size)[1].split()[-1:] != [str(len(databases))]:
                return False
        status = "rabbitmqctl -q cluster_status --formatter json"
        failed, said = region.try_on(brokers[0].name, status)
        return not failed and len(json.loads(said)["running_nodes"]) == len(brokers)
    return False


def test_every_controller_is_a_part_of_both_clusters(region: Region) -> None:
    assert joined(region)


def test_virtual_address_that_moves_leaves_no_service_waiting(
    region: Region, pair: Any, record_property: Any
) -> None:
    """No power is lost, as when an upgrade restarts keepalived: what ran on the node that had the
    address runs on, though its connections to the database led through it."""
    before = wait(lambda: holder(region), API_SECONDS)
    assert before
    assert slowest(region) < ANSWER_SECONDS
    with recovered(region, record_property, "moved_address"):
        region.on(before, "systemctl restart keepalived")
        assert wait(lambda: holder(region) not in ("", before), API_SECONDS)
        assert wait(lambda: answers(region), API_SECONDS)
        seconds = slowest(region)
        record_property("moved_address_slowest_answer_seconds", round(seconds, 1))
        assert seconds < ANSWER_SECONDS
        boots(pair, "moved")


@pytest.mark.parametrize("what", ["virtual address", "router"])
def test_controller_that_loses_power_is_not_missed(
    own: Railway, region: Region, pair: Any, what: str, record_property: Any
) -> None:
    """The API answers, an instance is reached and another boots while it is away."""
    told = what.replace(" ", "_")
    assert wait(lambda: known(region, pair.address), ROUTER_SECONDS)
    assert region.ping(pair.address, seconds=ROUTER_SECONDS)
    virtual = what == "virtual address"
    lost = wait(
        lambda: holder(region) if virtual else gateway(region, pair.address), ROUTER_SECONDS
    )
    assert lost
    with recovered(region, record_property, told), pinging(region, pair.address) as pings:
        begun = time.monotonic()
        with unplugged(own, region, lost):
            assert wait(lambda: answers(region), API_SECONDS)
            record_property(f"{told}_api_away_seconds", round(time.monotonic() - begun, 1))
            assert region.ping(pair.address, seconds=ROUTER_SECONDS)
            record_property(f"{told}_instance_away_seconds", round(time.monotonic() - begun, 1))
            assert holder(region, lost)
            # Two may be the router's gateway for a moment, before one gives way.
            assert wait(lambda: gateway(region, pair.address, lost), ROUTER_SECONDS)
            boots(pair, f"without-{lost}", BOOT_SECONDS)
            record_property(f"{told}_boots_again_seconds", round(time.monotonic() - begun, 1))
        assert wait(lambda: joined(region), JOINED_SECONDS)
    record_property(f"{told}_pings_lost_per_cent", round(pings.lost_per_cent, 2))
    boots(pair, f"with-{lost}")


def schema(region: Region, component: str, versions: str = "") -> bool:
    """Whether a component's tables are narrowed too, or with `versions` (/EXPAND_HEAD) wide."""
    first = region.with_role("identity")[0].name
    line = f"/usr/local/sbin/{component}-schema {SCHEMAS[component]}/versions{versions}"
    return region.try_on(first, line)[0] == 0


def backups(region: Region) -> list[dict[str, Any]]:
    """Those that its nodes tell of, none in a region that was just made."""
    lists = (
        region.on(node.name, "/usr/local/sbin/mariadb-backups list")
        for node in region.with_role("database")
    )
    return [one for listed in lists for one in json.loads(listed)["backups"]]


def test_schemas_are_narrow_and_every_service_works_on_wide_ones_until_then(
    own: Railway, region: Region
) -> None:
    """As between the first and the last node of an upgrade; the next deployment ends it."""
    name = region.inventory.environment.name
    for component in SCHEMAS:
        assert schema(region, component) and schema(region, component, "/EXPAND_HEAD")
    region.on(region.with_role("database")[0].name, f'mariadb -e "{UNMARK}"')
    assert not schema(region, "keystone")
    assert schema(region, "keystone", "/EXPAND_HEAD")
    assert slowest(region) < ANSWER_SECONDS
    before = len(backups(region))
    own("deploy", own.running(name) or "latest", name, timeout=DEPLOY_SECONDS)
    assert schema(region, "keystone") and schema(region, "neutron")
    kept = backups(region)
    assert len(kept) == before + 1
    assert max(kept, key=lambda one: one["time"])["why"] == "before a migration"


def test_database_of_three_comes_back_to_a_moment(
    own: Railway, region: Region, pair: Any, record_property: Any
) -> None:
    name = region.inventory.environment.name
    api = region.admin()
    own("database", "backup", name, timeout=RESTORE_SECONDS)
    kept = api.identity.create_project(name="kept-by-a-backup")
    time.sleep(2)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(2)
    gone = api.identity.create_project(name="made-after-the-moment")
    began = time.monotonic()
    own("database", "restore", name, "--to", moment, "--yes", timeout=900)
    seconds = time.monotonic() - began
    record_property("database_restored_seconds", round(seconds, 1))
    assert seconds < RESTORE_SECONDS
    assert wait(lambda: joined(region), JOINED_SECONDS)
    assert wait(lambda: answers(region), API_SECONDS)
    api = region.admin()
    assert api.identity.find_project(kept.id) is not None
    assert api.identity.find_project(gone.id) is None
    api.identity.delete_project(kept)
    assert region.ping(pair.address), "an instance that was there before is reached as before"
    boots(pair, "restored")
