"""The environments for which the content is rendered: every variant that the states serve."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from deploykit.site.endpoints import Endpoints

NETWORKS = {"management": "10.0.0", "tunnel": "10.0.1", "external": "10.0.2"}
CONTROLLER = ["database", "messaging", "cache", "identity", "image", "placement"]
CONTROLLER += ["compute-api", "network-api", "orchestration", "load-balancer"]

# What the shipped environments with hypervisors set; a test compares them. Others have defaults.
LABORATORY = {
    "nova_compute": {
        "reserved_memory": 256,
        "overcommit": {"processors": 16.0, "memory": 4.0, "disk": 10.0},
    },
    "prometheus": {"retention": "2d", "disk": "512MB", "memory": "96MiB"},
}

# A provider of logins.
PARTNERS = {
    "issuer": "https://login.example.org/realms/partners",
    "client": "cloud",
    "access": {"research": {"group": "staff", "project": "research"}},
}

# What a node says of itself (salt/states/_modules/machine.py).
CONTAINER = {"container": "lxc", "apparmor": False, "kvm": False, "processors": 2, "memory": 24576}
MACHINE = {"container": "", "apparmor": True, "kvm": True, "processors": 16, "memory": 65536}


def outsiders(address: str, name: str = "") -> dict[str, Any]:
    """What outsiders use, in the network `external`."""
    return Endpoints("external", IPv4Address(address), name).told()


@dataclass(frozen=True, slots=True)
class Topology:
    """The roles of an environment's nodes, how many of NETWORKS it has, its virtual address, and
    what outsiders use.

    `also`: minions that are rendered beside the first of their kind, as they differ from it.
    `settings` are the environment's, over the content's pillar. `links` are what is said of the
    nodes' interfaces, by network; they are counted without. `prefixes6` are networks with IPv6.
    `machine` is what each node is.
    """

    nodes: dict[str, list[str]]
    networks: int = 1
    virtual: str = ""
    public: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    prefixes6: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=lambda: CONTAINER)

    def more(self, number: int) -> dict[str, Any]:
        """What the master is told of the node with that number beside the usual."""
        addresses = {network: f"{prefix}::{number:x}" for network, prefix in self.prefixes6.items()}
        return {"addresses6": addresses} if addresses else {}

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
        public=outsiders("10.0.2.10"),
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
            "controller": [*CONTROLLER, "volume-api", "dashboard", "login"],
            "storage": ["volume"],
            "compute1": ["hypervisor"],
        },
        networks=3,
        settings={"cloud": {"providers": {"partners": PARTNERS}}},
        machine=MACHINE,
    ),
    # As on machines of one's own: interfaces by what they are called, jumbo frames, IPv6.
    "metal": Topology(
        {
            "controller": [*CONTROLLER, "network"],
            "salt": ["master"],
            "compute1": ["hypervisor"],
        },
        networks=3,
        links={
            "management": {"interface": "bond0.100"},
            "tunnel": {"interface": "bond0.200", "mtu": 9000},
            "external": {"interface": "eno3", "mac": "52:54:00:12:34:56"},
        },
        public=outsiders("10.0.2.10"),
        prefixes6={"management": "fd10"},
        machine=MACHINE,
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
        public=outsiders("10.0.2.5", "cloud.example.org"),
        also=("controller2",),
    ),
}
