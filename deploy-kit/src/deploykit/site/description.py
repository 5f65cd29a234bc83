"""What an environment's files say of its nodes, as one digest: to see where they changed since."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from deploykit.site.environment import Environment
from deploykit.site.settings import tree


def describe(environment: Environment) -> dict[str, Any]:
    """All that its files say of what stands: provider, networks, nodes, operators, settings.

    Not what is asked before entry, nor how a deployment goes about it: neither is on any node.
    """
    return {
        "name": environment.name,
        "provider": environment.provider,
        "networks": [
            {"name": net.name, "cidr": str(net.cidr), "vip": str(net.vip) if net.vip else None}
            for net in environment.networks  # in the order of their interfaces
        ],
        "nodes": [
            {
                "name": node.name,
                "roles": list(node.roles),
                "at": node.at,
                "memory": node.memory,
                "addresses": environment.addresses(node),
            }
            for node in sorted(environment.nodes, key=lambda node: node.name)
        ],
        "operators": sorted(
            (one.account() for one in environment.operators), key=lambda one: str(one["name"])
        ),
        "settings": tree(environment.settings),
    }


def environment_digest(environment: Environment) -> str:
    """`sha256:` and the digest of what `describe` says: comments and line breaks do not count."""
    text = json.dumps(describe(environment), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
