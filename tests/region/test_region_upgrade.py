"""What instances notice of the operator's work: of an upgrade nothing."""

from __future__ import annotations

import json
import time
from typing import Any

from cloud import PINGS_A_SECOND, Region, pinging
from railway import Railway

LOSS_PER_CENT = 1.0
UPGRADE_TIMEOUT = 1800.0  # seconds
# A line of the configuration of every nova, every neutron and every agent: all are restarted.
EDITS = (
    ("salt/states/nova/files/nova.conf.jinja", "rpc_response_timeout = 30"),
    ("salt/states/neutron/files/neutron.conf.jinja", "rpc_response_timeout = 20"),
)


def processes(region: Region) -> dict[str, str]:
    """The process ids of the guests on each hypervisor."""
    return {
        host.name: region.on(host.name, "pgrep -f '[q]emu-system' | sort | xargs")
        for host in region.with_role("hypervisor")
    }


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
    begun = time.monotonic()
    with pinging(region, pair.address) as pings:
        own("deploy", own.cut(), "minimal", timeout=UPGRADE_TIMEOUT)
    record_property("upgrade_seconds", round(time.monotonic() - begun, 1))
    record_property("pings", pings.sent)
    record_property("lost_per_cent", pings.lost_per_cent)
    assert pings.sent > 20 * PINGS_A_SECOND
    assert pings.lost_per_cent <= LOSS_PER_CENT, pings
    assert processes(region) == before
