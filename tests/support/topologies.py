"""The environments for which the content is rendered: every variant that the states serve."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NETWORKS = {"management": "10.0.0", "tunnel": "10.0.1", "external": "10.0.2"}
CONTROLLER = ["database", "messaging", "cache", "identity", "image", "placement"]
CONTROLLER += ["compute-api", "network-api", "orchestration", "load-balancer"]

# What the shipped environments with hypervisors set; a test compares them. Others have defaults.
LABORATORY = {
    "libvirt": {"confined": False},
    "nova_compute": {
        "reserved_memory": 256,
        "overcommit": {"processors": 16.0, "memory": 4.0, "disk": 10.0},
    },
    "prometheus": {"retention": "2d", "disk": "512MB", "memory": "96MiB"},
}


@dataclass(frozen=True, slots=True)
class Topology:
    """The roles of an environment's nodes, how many of NETWORKS it has, its virtual address.

    `also`: minions that are rendered beside the first of their kind, as they differ from it.
    `settings` are the environment's, over the content's pillar.
    """

    nodes: dict[str, list[str]]
    networks: int = 1
    virtual: str = ""
    also: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def minions(self) -> list[str]:
        """The first minion of each kind: those with the same roles get the same states."""
        kinds = {tuple(roles): name for name, roles in reversed(self.nodes.items())}
        first = [name for roles, name in reversed(kinds.items()) if roles != ("master",)]
        return [*first, *self.also]


TOPOLOGIES = {
    "shipped": Topology(
        {
            "salt": ["master"],
            "controller": ["database", "cache", "load-balancer"],
            "identity1": ["identity"],
            "identity2": ["identity"],
            "identity3": ["identity"],
        }
    ),
    "tiny": Topology(
        {
            "salt": ["master"],
            "region1": ["database", "cache", "identity", "load-balancer"],
        }
    ),
    # Of what other roles keep for the region, it has nothing.
    "alone": Topology({"all": ["master", "cache"]}),
    "minimal": Topology(
        {
            "controller": ["master", *CONTROLLER, "network", "monitoring"],
            "compute1": ["hypervisor"],
            "compute2": ["hypervisor"],
        },
        networks=3,
        settings=LABORATORY,
    ),
    "dev": Topology(
        {
            "salt": ["master", "monitoring"],
            "controller": [*CONTROLLER, "dashboard"],
            "network": ["network"],
            "compute1": ["hypervisor"],
            "compute2": ["hypervisor"],
        },
        networks=3,
    ),
    "volumes": Topology(
        {
            "salt": ["master"],
            "controller": [*CONTROLLER, "volume-api", "dashboard"],
            "storage": ["volume"],
            "compute1": ["hypervisor"],
        },
        networks=3,
    ),
    "ha": Topology(
        {
            "salt": ["master", "monitoring"],
            "controller1": [*CONTROLLER, "network", "dashboard", "virtual-address"],
            "controller2": [*CONTROLLER, "network", "dashboard", "virtual-address"],
            "controller3": [*CONTROLLER, "network", "dashboard", "virtual-address"],
            "compute1": ["hypervisor"],
            "compute2": ["hypervisor"],
        },
        networks=3,
        virtual="10.0.0.5",
        also=("controller2",),
    ),
}
