"""The way into an instance: by SSH to the master's floating address, from there to the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deploykit.base.errors import NodeUnreachable
from deploykit.base.parallel import in_parallel
from deploykit.base.waiting import wait_until
from deploykit.nodes.inventory import Host, Inventory, write_ssh_files
from deploykit.nodes.ssh import close_all, greets, run_on
from deploykit.providers.openstack.marks import HOST_KEY
from deploykit.site.environment import Environment

ANSWER_SECONDS = 600.0  # from running to SSH: without hardware help, that is minutes
GREETING_SECONDS = 5.0
LOGIN_SECONDS = 120.0  # of a machine that answers for the first time
AT_ONCE = 16


def hosts_of(
    environment: Environment,
    servers: Mapping[str, Mapping[str, Any]],
    addresses: Mapping[str, str],
) -> tuple[Host, ...]:
    """The nodes as SSH reaches them. A host key is what the server's metadata says, which only who
    may make servers can write."""
    master = environment.master.name
    return tuple(
        Host(
            node.name,
            node.roles,
            addresses[node.name],
            "root",
            environment.addresses(node),
            (servers[node.name]["metadata"][HOST_KEY],),
            "" if node.name == master else master,
        )
        for node in environment.nodes
    )


def reached(
    inventory: Inventory,
    servers: Mapping[str, Mapping[str, Any]],
    addresses: Mapping[str, str],
) -> Inventory:
    """`inventory` with its hosts, once every one answers SSH as root with the key that is known.

    Raises NodeUnreachable, naming those that do not.
    """
    inventory = replace(inventory, hosts=hosts_of(inventory.environment, servers, addresses))
    if write_ssh_files(inventory):
        close_all(inventory.folder)  # they may lead to servers that are gone
    master = inventory.master
    others = [host for host in inventory.hosts if host is not master]
    _wait_for(inventory, master)
    in_parallel(others, lambda host: _wait_for(inventory, host), AT_ONCE)
    return inventory


def _wait_for(inventory: Inventory, host: Host) -> None:
    def answers() -> bool:
        return greets(host, inventory, GREETING_SECONDS)

    if not wait_until(answers, ANSWER_SECONDS, pause=2.0):
        way = f" from {host.jump}" if host.jump else ""
        raise NodeUnreachable(
            f"{inventory.instance}: node {host.name} ({host.ssh_address}{way}) did not answer SSH "
            f"within {ANSWER_SECONDS / 60:.0f} min",
            "openstack console log show tells how far it came; can this machine reach the cloud's "
            "floating addresses, at port 22?",
        )
    run_on(host, inventory, ["true"], timeout=LOGIN_SECONDS)
