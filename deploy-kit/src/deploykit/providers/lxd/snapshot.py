"""All nodes of an instance as they were at one moment: kept in LXD (copy-on-write), brought back.

A node is kept stopped. A running one would come back as after a power failure.
"""

from __future__ import annotations

from collections.abc import Iterable

from deploykit.base.errors import InputError
from deploykit.base.parallel import in_parallel
from deploykit.providers.lxd.api import Lxd
from deploykit.providers.lxd.instance import AT_ONCE
from deploykit.providers.lxd.plan import Names


def save(lxd: Lxd, names: Names, name: str) -> None:
    """Stop every node in good order and keep it as `name`, in the place of an older one.

    Raises LxdError if one does not stop.
    """
    nodes = _nodes(lxd, names)
    in_parallel(nodes, lambda node: lxd.shut_down(node, names.project), AT_ONCE)

    def keep(node: str) -> None:
        if name in snapshots(lxd, names, node):
            lxd.delete(f"instances/{node}/snapshots/{name}", names.project)
        lxd.post(f"instances/{node}/snapshots", {"name": name, "stateful": False}, names.project)

    in_parallel(nodes, keep, AT_ONCE)


def bring_back(lxd: Lxd, names: Names, name: str) -> None:
    """Stop every node at once and make it what `name` kept.

    Raises InputError, before any node stops, if one has no such snapshot.
    """
    nodes = _nodes(lxd, names)
    demand(lxd, names, name, nodes)
    in_parallel(nodes, lambda node: lxd.stop(node, names.project), AT_ONCE)
    in_parallel(
        nodes, lambda n: lxd.put(f"instances/{n}", {"restore": name}, names.project), AT_ONCE
    )


def demand(lxd: Lxd, names: Names, name: str, nodes: Iterable[str]) -> None:
    """Raise InputError, naming it, if one of `nodes` has no snapshot `name`."""
    for node in nodes:
        known = snapshots(lxd, names, node)
        if name not in known:
            raise InputError(
                f"{names.instance}: node {node} has no snapshot '{name}'",
                f"it has: {', '.join(known) or 'none'}; 'deploy-kit env snapshot' keeps one",
            )


def snapshots(lxd: Lxd, names: Names, node: str) -> list[str]:
    """The names of a node's snapshots."""
    listing = lxd.find(f"instances/{node}/snapshots", names.project, recursion="1")
    return [str(snapshot["name"]).rpartition("/")[2] for snapshot in listing or ()]


def _nodes(lxd: Lxd, names: Names) -> list[str]:
    return [node["name"] for node in lxd.get("instances", names.project, recursion="1")]
