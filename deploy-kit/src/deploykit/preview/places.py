"""For which nodes a release is rendered: those of an environment, or one of each stage. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deploykit.master.facade import node_facts
from deploykit.nodes.inventory import Host
from deploykit.site.environment import MASTER_ROLE, Environment, is_minion
from deploykit.site.settings import Setting

CONTAINERS = frozenset({"lxd"})  # providers whose nodes have their host's kernel
# What a node says of itself (the content's module `machine`): of no node that is there.
MACHINE = {"container": "", "apparmor": True, "kvm": True, "processors": 8, "memory": 32768}
CONTAINER = {**MACHINE, "container": "lxc", "apparmor": False}
# Without an environment: every network that content may ask for, and an address to share.
NETWORKS = {"management": "10.0.0", "tunnel": "10.0.1", "external": "10.0.2"}
SHARED = {"management": "10.0.0.5"}
FIRST = 11  # the last number of the first node's addresses


@dataclass(frozen=True, slots=True)
class Place:
    """Where a release would be: `nodes` as their master is told of them (`node_facts`), the shared
    addresses, what outsiders use, the environment's settings, what a node is, and how many nodes
    are changed at once (a pillar)."""

    name: str
    nodes: Mapping[str, dict[str, Any]]
    virtual: Mapping[str, str]
    public: dict[str, Any] | None = None
    settings: Sequence[Setting] = ()
    machine: Mapping[str, Any] = field(default_factory=lambda: MACHINE)
    batch: Mapping[str, int] = field(default_factory=dict)

    def with_roles(self, known: Iterable[str]) -> Place:
        """The same with nodes that have roles of `known` alone."""
        roles = frozenset(known)
        nodes = {
            name: {**node, "roles": [role for role in node["roles"] if role in roles]}
            for name, node in self.nodes.items()
        }
        return replace(self, nodes={name: node for name, node in nodes.items() if node["roles"]})

    @property
    def kinds(self) -> dict[str, tuple[str, ...]]:
        """The roles of the first minion of each kind: those with the same roles are alike."""
        first: dict[tuple[str, ...], str] = {}
        for name, node in self.nodes.items():
            if is_minion(node["roles"]):
                first.setdefault(tuple(node["roles"]), name)
        return {name: roles for roles, name in first.items()}


def place_of(environment: Environment) -> Place:
    """The nodes of an environment as its file says."""
    hosts = [
        Host(node.name, node.roles, "", "", environment.addresses(node), ())
        for node in environment.nodes
    ]
    return Place(
        environment.name,
        node_facts(environment, hosts),
        environment.virtual,
        dict(environment.endpoints.told()) if environment.endpoints else None,
        environment.settings,
        CONTAINER if environment.provider in CONTAINERS else MACHINE,
        environment.batch.pillar(),
    )


def place_of_roles(stages: Mapping[str, str]) -> Place:
    """A node for all roles of each stage, named as it is. `stages`: role -> stage, '' without."""
    together: dict[str, list[str]] = {MASTER_ROLE: [MASTER_ROLE]}
    for role, stage in sorted(stages.items()):
        if role != MASTER_ROLE:
            together.setdefault(stage or role, []).append(role)
    links = {
        network: {"interface": f"eth{number}"} for number, network in enumerate(NETWORKS, start=1)
    }
    nodes = {
        name: {
            "roles": roles,
            "addresses": {network: f"{start}.{number}" for network, start in NETWORKS.items()},
            "links": links,
        }
        for number, (name, roles) in enumerate(together.items(), start=FIRST)
    }
    return Place("any", nodes, SHARED)
