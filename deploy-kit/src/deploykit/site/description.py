"""What an environment's files say of its nodes, as one digest: to see if they changed since."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from deploykit.site.environment import Environment
from deploykit.site.networks import Network
from deploykit.site.node import Node
from deploykit.site.settings import tree


def describe(environment: Environment) -> dict[str, Any]:
    """All that its files say of what stands: provider, networks, nodes, operators, settings.

    Not what is asked before entry, nor how a deployment goes about it and reaches machines: none of
    that is on any node.
    """
    return {
        "name": environment.name,
        "provider": environment.provider,
        "networks": [
            _network(net)
            for net in environment.networks  # in the order of their interfaces
        ],
        "nodes": [
            {
                "name": node.name,
                "roles": list(node.roles),
                "at": node.at,
                "memory": node.memory,
                "addresses": environment.addresses(node),
                **_attachments(environment, node),
            }
            for node in sorted(environment.nodes, key=lambda node: node.name)
        ],
        "operators": sorted(
            (operator.account() for operator in environment.operators),
            key=lambda account: str(account["name"]),
        ),
        "settings": tree(environment.settings),
        # Without them the digest is what it was before there were any.
        **({"endpoints": environment.endpoints.told()} if environment.endpoints else {}),
    }


def _network(network: Network) -> dict[str, Any]:
    """What is said of a network. One that has nothing new has the digest that it always had."""
    vip = str(network.vip) if network.vip else None
    if len(network.subnets) == 1 and not network.subnets[0].name:
        return {"name": network.name, "cidr": str(network.cidrs[0]), "vip": vip}
    subnets = [
        {
            "name": subnet.name,
            "cidr": str(subnet.cidr),
            "gateways": _texts(subnet.gateway, subnet.gateway6),
        }
        for subnet in network.subnets
    ]
    return {"name": network.name, "subnets": subnets, "vip": vip}


def _attachments(environment: Environment, node: Node) -> dict[str, Any]:
    """What is said of its interfaces, beside that they are eth1, eth2, ... and of IPv6."""
    attachments: dict[str, Any] = {}
    named = environment.interfaces(node)
    counted = {net.name: f"eth{place}" for place, net in enumerate(environment.networks, start=1)}
    if named != counted:
        attachments["interfaces"] = named
    if node.links:
        attachments["links"] = [asdict(link) for link in node.links]
    if addresses6 := environment.addresses6(node):
        attachments["addresses6"] = addresses6
        lengths = {net.name: node.subnet(net).cidr6 for net in environment.networks}
        attachments["cidrs6"] = {name: str(cidr6) for name, cidr6 in lengths.items() if cidr6}
    return attachments


def _texts(*addresses: object) -> list[str]:
    return [str(address) for address in addresses if address is not None]


def environment_digest(environment: Environment) -> str:
    """`sha256:` and the digest of what `describe` says: comments and line breaks do not count."""
    text = json.dumps(describe(environment), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
