"""What providers do alike: an instance's inventory, read back as its `up` wrote it, and a mark with
tags in its folder, where nothing else keeps them."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploykit.base import files, times
from deploykit.base.errors import DeployKitError, Refused
from deploykit.base.filelock import locked
from deploykit.base.printable import one_line
from deploykit.nodes.inventory import (
    HOSTS_FILE,
    Host,
    Inventory,
    renew_ssh_config,
    write_ssh_files,
)
from deploykit.nodes.rekey import replace_key
from deploykit.providers import DONT_DELETE, NodeState, NodeStatus, parse_instance
from deploykit.site import Site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance
from deploykit.site.provisioning import key_in_force, own_key, sites_key

REKEY_TIMEOUT = 120.0  # seconds that another process may take for it


def known_hosts(folder: Path) -> dict[str, Host]:
    """The hosts of the instance kept in `folder`, as they were learned last, by name."""
    file = folder / HOSTS_FILE
    entries = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return {
        entry["name"]: Host(
            **{
                **entry,
                "roles": tuple(entry["roles"]),
                "host_keys": tuple(entry["host_keys"]),
            }
        )
        for entry in entries
    }


def read_mark(site: Site, instance: Instance, name: str) -> dict[str, Any]:
    """The mark in the instance's folder, the file `name`; {} if there is none."""
    file = site.instance(instance) / name
    mark: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return mark


def write_mark(
    site: Site, instance: Instance, name: str, tags: Mapping[str, str], **more: Any
) -> None:
    """Add `tags` to the mark, and what `more` says beside them; who made it and when, it says
    from the start. `tags` win."""
    mark = read_mark(site, instance, name)
    first = {"owner": getpass.getuser(), "created": times.iso(times.utc_now())}
    mark |= {"tags": {**first, **mark.get("tags", {}), **tags}, **more}
    file = site.instance(instance) / name
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write(file, json.dumps(mark, indent=1))


def marked(site: Site, name: str) -> list[Instance]:
    """The instances that have such a mark."""
    return [parse_instance(mark.parent.name) for mark in sorted(site.instances.glob(f"*/{name}"))]


def read_inventory(
    site: Site,
    environment: Environment,
    instance: Instance,
    status: Callable[[Environment, Instance], list[NodeStatus]],
) -> Inventory:
    """The inventory of an instance that is up; `status` asks its provider how the nodes are.

    A node that does not run is among them: who needs it is told by name when it does not answer.
    Raises DeployKitError, naming the node, if the master does not run or one was never learned.
    """
    folder = site.instance(instance)
    known = known_hosts(folder)
    if not known:
        raise not_up(instance)
    running = {
        node.name for node in status(environment, instance) if node.state == NodeState.RUNNING
    }
    for node in environment.nodes:
        if node.name not in known or (node == environment.master and node.name not in running):
            raise not_up(instance, node.name)
    hosts = tuple(known[node.name] for node in environment.nodes)
    inventory = Inventory(environment, instance, hosts, key_in_force(site, instance), folder)
    renew_ssh_config(inventory)
    return inventory


def with_own_key(site: Site, inventory: Inventory) -> Inventory:
    """`inventory` by a key of the instance's own: one that has the site's key moves over first.

    Whatever cut an earlier move off, all nodes are asked again. Raises as `replace_key` does.
    """
    if inventory.ssh_key != sites_key(site):
        return inventory
    with locked(site.state / "locks" / f"{inventory.instance}.key", REKEY_TIMEOUT):
        moved = replace(inventory, ssh_key=own_key(site, inventory.instance))
        replace_key(inventory, moved.ssh_key)
        write_ssh_files(moved)  # last: from then on the own key is the one in force
    return moved


def demand_deletable(instance: Instance, tags: Mapping[str, str]) -> None:
    """Raise Refused, saying why, if an instance with these `tags` may not go."""
    if why := tags.get(DONT_DELETE):
        raise Refused(
            f"{instance} is protected: {one_line(why)}", f"deploy-kit pod unprotect {instance}"
        )


def render_hosts(environment: Environment) -> str:
    """hosts(5): every node by name at its address in the first network."""
    first = environment.networks[0]
    lines = [f"{node.address(first)} {node.name}" for node in environment.nodes]
    return "\n".join(("127.0.0.1 localhost", "::1 localhost ip6-localhost", *lines))


def not_up(instance: Instance, node: str = "") -> DeployKitError:
    """The error for an instance, or one `node` of it, that does not run."""
    what = f"{instance}: node {node} is not running" if node else f"{instance} is not up"
    return DeployKitError(what, f"'deploy-kit env up {instance}' brings it up")
