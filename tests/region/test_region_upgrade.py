"""What instances notice of the operator's work: of an upgrade nothing.

The upgrade is the one of support/edge.py, over what the whole region was tested with before.
"""

from __future__ import annotations

import json
import time
from typing import Any

import edge
from cloud import LOSS_PER_CENT, PINGS_A_SECOND, Region, guests, pinging
from railway import Railway

UPGRADE_TIMEOUT = 1800.0  # seconds
# Of those whose versions differ between bookworm alone and bookworm with security updates.
PACKAGES = {
    "controller": ("keystone", "python3-nova", "python3-neutron", "python3-glance"),
    "compute1": ("python3-nova", "python3-neutron"),
}


def versions(region: Region) -> dict[str, str]:
    """The version of each of PACKAGES, by node and name."""
    ask = "dpkg-query -W -f '${Package} ${Version}\\n' "
    return {
        f"{node} {line.split()[0]}": line.split()[1]
        for node, names in PACKAGES.items()
        for line in region.on(node, ask + " ".join(names)).splitlines()
    }


def seconds(region: Region, node: str, line: str) -> float:
    """The moment that a line of shell prints, in seconds since 1970."""
    return float(region.on(node, line).split()[-1])


def unpacked(region: Region, node: str, package: str) -> float:
    """When a package came to a node."""
    return seconds(region, node, f"stat -c %.3Y /var/lib/dpkg/info/{package}.list")


def restarted(region: Region, node: str, unit: str) -> float:
    """When a unit came up on a node."""
    shown = f"systemctl show {unit} -P ActiveEnterTimestamp --timestamp=us+utc"
    return seconds(region, node, f'date -d "$({shown})" +%s.%3N')


def revisions(region: Region) -> set[str]:
    """The revisions that neutron's database is marked with."""
    line = "mariadb -N -e 'SELECT version_num FROM neutron.alembic_version'"
    return set(region.on(region.with_role("database")[0].name, line).split())


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
    before, packages, schema = guests(region), versions(region), revisions(region)
    edge.after(own)
    edge.restart_everything(own)
    begun = time.monotonic()
    with pinging(region, pair.address) as pings:
        own("deploy", own.cut(), region.inventory.environment.name, timeout=UPGRADE_TIMEOUT)
    record_property("upgrade_seconds", round(time.monotonic() - begun, 1))
    record_property("pings", pings.sent)
    record_property("lost_per_cent", pings.lost_per_cent)
    assert pings.sent > 20 * PINGS_A_SECOND
    assert pings.lost_per_cent <= LOSS_PER_CENT, pings
    assert guests(region) == before
    now = versions(region)
    assert not [name for name, old in packages.items() if now[name] == old], now
    assert (schema, revisions(region)) == (
        {"5c85685d616d", "21ff98fabab1"},
        {"5c85685d616d", "5881373af7f5"},
    )


def test_packages_came_with_their_services(own: Railway, region: Region) -> None:
    """In the upgrade before: each service restarted soon after its code came, and the code of what
    comes later was the old one until then."""
    controller, compute = "controller", "compute1"
    order = [
        unpacked(region, controller, "python3-keystone"),
        restarted(region, controller, "keystone"),
        unpacked(region, controller, "python3-nova"),
        restarted(region, controller, "nova-conductor"),
        unpacked(region, compute, "python3-nova"),
        restarted(region, compute, "nova-compute"),
    ]
    assert order == sorted(order)
    for host in region.inventory.minions:
        assert region.try_on(host.name, "ls /var/lib/vendor/plan")[0] != 0, host.name
    stale = (
        "/usr/local/sbin/vendor-stale nova-compute libvirt-daemon-system keystone nova-conductor"
    )
    for node in (controller, compute):
        assert region.try_on(node, stale) == (0, ""), node
