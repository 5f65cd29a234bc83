"""What a region gets over without hands: nodes that boot again, and parts of it that were lost.

Each test ends with a region in which everything is up, and records for how long what was lost.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

import pytest
from cloud import Region, down, wait
from deploykit.checks.smoke import command
from deploykit.nodes.reboot import reboot_nodes
from losses import answers, boots, recovered, unnoticed, unplugged
from railway import Railway

pytestmark = pytest.mark.faults
BACK_SECONDS = 300.0  # until an instance answers again after its node has booted
DATABASE_SECONDS = 60.0
DEPLOY_SECONDS = 1200.0
ALLOWED = "allow_missing: {hypervisor: 1}"
MARK = "config, again"  # in a file of nova-compute's, in place of "config"


def test_region_brought_back_to_a_snapshot_passes_its_smoke_test(
    own: Railway, region: Region, record_property: Any
) -> None:
    """Before any test makes instances here. What came after the snapshot is gone."""
    with recovered(region, record_property, "snapshot"):
        own("env", "snapshot", str(region.inventory.instance))
    region.on(region.inventory.master.name, "touch /root/after")
    begun = time.monotonic()
    own("env", "restore", str(region.inventory.instance), "--yes")
    # A smoke test costs five seconds of the processors that the region starts on, and an instance
    # that is asked for before hypervisors report is refused.
    assert wait(lambda: answers(region), 180)
    assert wait(lambda: smoke(own, region).returncode == 0, 180), smoke(own, region).stdout
    record_property("snapshot_to_smoke_test_seconds", round(time.monotonic() - begun, 1))
    assert region.try_on(region.inventory.master.name, "test -e /root/after")[0] == 1


def test_release_goes_by_a_hypervisor_without_power_which_is_caught_up_later(
    own: Railway, region: Region, record_property: Any
) -> None:
    """Before any test makes instances here. Its key stays on the master meanwhile."""
    here, name = region.inventory.environment.name, region.with_role("hypervisor")[-1].name
    file = f"deploy-kit/environments/{here}.yml"
    own.change(file, "networks:\n", f"promotion: {{{ALLOWED}}}\nnetworks:\n")
    own("policy", "apply", "--yes")
    own.change("salt/states/nova_compute/files/nova-compute.conf.jinja", "config).", f"{MARK}).")
    version = own.cut()
    marked = f"grep -c '{MARK}' /etc/nova/nova-compute.conf"
    with recovered(region, record_property, "missing_hypervisor"):
        with unplugged(own, region, name):
            begun = time.monotonic()
            own("deploy", version, here, timeout=DEPLOY_SECONDS)
            record_property("deploy_without_one_seconds", round(time.monotonic() - begun, 1))
            assert left_out(own, here) == {name: "no answer"}
            assert region.try_on(region.with_role("hypervisor")[0].name, marked)[0] == 0
            region.on(region.inventory.master.name, f"test -s /etc/salt/pki/master/minions/{name}")
        assert region.try_on(name, marked)[0] == 1  # back, with the release before
        own("deploy", version, here, timeout=DEPLOY_SECONDS)
        assert left_out(own, here) == {}
        assert region.try_on(name, marked)[0] == 0


def test_hypervisor_made_anew_gets_new_records_and_works(
    own: Railway, region: Region, record_property: Any
) -> None:
    """Before any test makes instances here."""
    here, name = region.inventory.environment.name, region.with_role("hypervisor")[-1].name
    before = records_of(region, name)
    assert before
    with recovered(region, record_property, "replaced_hypervisor"):
        own("env", "replace", here, name, "--yes")
        assert not records_of(region, name)
        version = own.running(here)
        assert version is not None
        own("deploy", version, here, timeout=DEPLOY_SECONDS)
    assert not before & records_of(region, name)


@pytest.mark.parametrize("role", ["hypervisor", "network"])
def test_node_that_boots_again_brings_everything_back(
    own: Railway, region: Region, pair: Any, role: str, record_property: Any
) -> None:
    """The instance on the hypervisor runs again, the gateway leads to it again."""
    name = region.with_role(role)[0].name
    if role == "hypervisor":
        name = pair.tenant.host(pair.first)
    with recovered(region, record_property, f"reboot_{role}"):
        begun = time.monotonic()
        reboot_nodes(region.inventory, [region.inventory.host(name)])
        assert region.ping(pair.address, seconds=BACK_SECONDS)
        record_property(f"reboot_{role}_seconds_away", round(time.monotonic() - begun, 1))
    boots(pair, f"after-{role}")


def test_hypervisor_lost_and_found_is_said_and_brings_its_instance_back(
    own: Railway, region: Region, pair: Any, record_property: Any
) -> None:
    """Its power fails: the API says so, the other hypervisor's instances go on."""
    second = pair.tenant.floating(pair.second).floating_ip_address
    addresses = {
        pair.tenant.host(pair.first): pair.address,
        pair.tenant.host(pair.second): second,
    }
    # The node from which pings come stays.
    name = next(name for name in addresses if name != region.outside.name)
    lost = addresses.pop(name)
    (other,) = addresses.values()
    with recovered(region, record_property, "hypervisor"):
        assert region.ping(other)
        with unplugged(own, region, name):
            assert wait(lambda: f"nova-compute on {name}" in down(region), 120), down(region)
            told = sorted(said for said in down(region) if said.endswith(f" on {name}"))
            record_property("hypervisor_lost", ", ".join(told))
            assert region.ping(other)
            assert not region.ping(lost, count=1, seconds=0)
        assert region.ping(lost, seconds=BACK_SECONDS)
    boots(pair, "after-loss")


def test_broker_killed_comes_back_and_instances_notice_nothing(
    own: Railway, region: Region, pair: Any, record_property: Any
) -> None:
    broker = region.with_role("messaging")[0].name
    with unnoticed(region, pair, record_property, "broker"):
        region.on(broker, "systemctl kill --signal=KILL rabbitmq-server")
        said = "systemctl is-active rabbitmq-server"
        assert wait(lambda: region.try_on(broker, said)[1].strip() == "active", 90)


def test_database_away_for_a_minute_is_waited_for(
    own: Railway, region: Region, pair: Any, record_property: Any
) -> None:
    database = region.with_role("database")[0].name
    with unnoticed(region, pair, record_property, "database"):
        region.on(database, "systemctl stop mariadb", timeout=120)
        time.sleep(DATABASE_SECONDS)
        region.on(database, "systemctl start mariadb", timeout=120)


def test_instances_of_a_snapshot_run_again_when_it_is_brought_back(
    own: Railway, region: Region, pair: Any, record_property: Any
) -> None:
    with recovered(region, record_property, "snapshot_with_instances"):
        own("env", "snapshot", str(region.inventory.instance))
        own("env", "restore", str(region.inventory.instance), "--yes")
        assert region.ping(pair.address, seconds=BACK_SECONDS)
    boots(pair, "after-snapshot")


def left_out(railway: Railway, environment: str) -> dict[str, str]:
    """The nodes that the board says do not run what the environment runs."""
    lines = railway.json("status")
    (found,) = [line["left_out"] for line in lines if line["environment"] == environment]
    return dict(found)


def records_of(region: Region, node: str) -> set[str]:
    """The ids of nova's services and neutron's agents of a node."""
    admin = region.admin()
    both = (*admin.compute.services(), *admin.network.agents())
    return {one.id for one in both if one.host == node}


def smoke(railway: Railway, region: Region) -> subprocess.CompletedProcess[str]:
    """The release's own smoke test."""
    smoke = railway.folder / "salt" / "smoke"
    argv, env = command(smoke, region.inventory.folder, region.inventory)
    return subprocess.run(
        argv, env={**os.environ, **env}, capture_output=True, text=True, timeout=300, check=False
    )
