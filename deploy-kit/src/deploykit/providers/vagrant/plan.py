"""What an environment looks like to Vagrant, decided without asking it: names and topology.

The Vagrantfile learns everything of the environment from `topology`, so that the schema of
environment files is read in one place only.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from deploykit.base.errors import InputError, Refused
from deploykit.providers.common import render_hosts
from deploykit.providers.lxd.plan import (
    LONGEST_INTERFACE,
    UPLINK_NAME,
    render_interfaces,
    said_mac,
    said_mtu,
)
from deploykit.providers.vagrant.box import Box
from deploykit.site.environment import Environment, Node
from deploykit.site.instance import Instance

PROVIDER = "vagrant"  # this provider's name in environment files
LXC = "lxc"  # one of Vagrant's own
UPLINK = "lxcbr0"  # the bridge of eth0, from Debian's lxc-net


@dataclass(frozen=True, slots=True)
class Names:
    """The names on the host of one instance that Vagrant runs for one site.

    An instance is an environment, or NAME~vagrant if its file names another provider. There are no
    throwaway copies: those are made with `--provider lxd`. Raises InputError for one.
    """

    site: str
    instance: Instance

    def __post_init__(self) -> None:
        if self.instance.suffix not in (None, PROVIDER):
            raise InputError(
                f"{self.instance}: Vagrant makes no copies of an environment",
                f"take '{self.environment}' itself, or the provider lxd for copies",
            )

    @property
    def environment(self) -> str:
        """The environment's own name."""
        return self.instance.environment

    def bridge(self, place: int) -> str:
        """The bridge of the network in that place."""
        digest = hashlib.sha256(str(self.instance).encode()).digest()
        mark = base64.b32encode(digest).decode().lower()[:5]
        name = f"dv{self.site}{mark}{place:02}"
        assert len(name) <= LONGEST_INTERFACE
        return name

    def container(self, node: str) -> str:
        return f"dv-{self.site}-{self.environment}-{node}"

    def mac(self, node: str, place: int) -> str:
        """A fixed address for the network in that place, 0 for the uplink.

        So leases and neighbours stay the same over a restart.
        """
        digest = hashlib.sha256(f"{self.container(node)} {place}".encode()).hexdigest()
        return f"00:16:3e:{digest[:2]}:{digest[2:4]}:{digest[4:6]}"


def nics(environment: Environment, node: Node, names: Names) -> list[dict[str, Any]]:
    """The interfaces of a container, the uplink first: name, bridge, MAC, and MTU or None."""
    uplink = {"name": UPLINK_NAME, "bridge": UPLINK, "mac": names.mac(node.name, 0), "mtu": None}
    return [
        uplink,
        *(
            {
                "name": node.interface(net),
                "bridge": names.bridge(place),
                "mac": said_mac(node, net) or names.mac(node.name, place),
                "mtu": said_mtu(node, net),
            }
            for place, net in enumerate(environment.networks, start=1)
        ),
    ]


def demand_containers(environment: Environment) -> None:
    """Raise Refused if the interfaces of a virtual machine cannot be what the file says.

    Vagrant's plugins give them names of their own, and one IPv4 address each.
    """
    for node in environment.nodes:
        for place, net in enumerate(environment.networks, start=1):
            usual = node.interface(net) == f"eth{place}" and node.link(net) is None
            if not usual or node.address6(net) is not None or len(net.subnets) > 1:
                raise Refused(
                    f"{environment.file}: {net.name} of {node.name} has more than an IPv4 address "
                    f"on eth{place}, which Vagrant's virtual machines cannot have",
                    "VAGRANT_DEFAULT_PROVIDER=lxc, or '--provider lxd'",
                )


def topology(
    site_id: str, environment: Environment, box: Box, authorized_key: str
) -> dict[str, Any]:
    """Everything that the Vagrantfile needs of `environment`, as plain data.

    `authorized_key` is the public key that gets into root's account on every node.
    """
    names = Names(site_id, environment.instance)
    return {
        "environment": environment.name,
        "file": str(environment.file),
        "box": {"name": box.name, "file": str(box.file)},
        "authorized_key": authorized_key,
        "uplink": UPLINK,
        "networks": [
            {
                "name": net.name,
                "bridge": names.bridge(place),
                "netmask": str(net.cidrs[0].netmask),
            }
            for place, net in enumerate(environment.networks, start=1)
        ],
        "nodes": [
            {
                "name": node.name,
                "roles": list(node.roles),
                "memory": node.memory,
                "privileged": node.privileged,
                "container": names.container(node.name),
                "nics": nics(environment, node, names),
                "addresses": environment.addresses(node),
                "interfaces": render_interfaces(environment, node),
                "hosts": render_hosts(environment),
            }
            for node in environment.nodes
        ],
    }
