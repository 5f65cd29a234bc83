"""Which nodes a deployment leaves out, and whether policy lets it: decided once, before it begins.

No I/O. What does not answer later on is a failure, as ever.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from deploykit.site.promotion import Share


class Why(StrEnum):
    """The reason for which a node is left out."""

    MAINTENANCE = "maintenance"
    SILENT = "no answer"
    BEHIND = "runs the release before"


@dataclass(frozen=True, slots=True)
class Missing:
    """The nodes that are left out, each with its reason; what stands against it, in sentences."""

    nodes: Mapping[str, Why]
    against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many may be missing: of each role by policy, and of which roles any by the release."""

    allowed: Mapping[str, Share]
    may_be_missing: Collection[str]


def missing(
    roles: Mapping[str, Collection[str]], found: Mapping[Why, Collection[str]], limits: Limits
) -> Missing:
    """Who is left out of the nodes `roles` (name -> roles), in their order.

    `found` are the nodes that each reason holds for; the first one given counts. A node is missed
    in each of its roles. Of a role that the release can do without some of, policy says how many,
    and one stays in any case.
    """
    nodes = {
        name: next(why for why, names in found.items() if name in names)
        for name in roles
        if any(name in names for names in found.values())
    }
    against = []
    for role in dict.fromkeys(role for name in nodes for role in roles[name]):
        having = [name for name, own in roles.items() if role in own]
        gone = {name: why for name, why in nodes.items() if name in having}
        if reason := _against(role, len(having), len(gone), limits):
            told = ", ".join(f"{name}: {why}" for name, why in gone.items())
            against.append(f"{reason} ({told})")
    return Missing(nodes, tuple(against))


def _against(role: str, having: int, gone: int, limits: Limits) -> str:
    """What stands against leaving out `gone` of the `having` nodes with `role`; '' if nothing."""
    if role not in limits.may_be_missing:
        return f"the release needs every node with the role '{role}'"
    if gone == having:
        return f"no node with the role '{role}' is left"
    share = limits.allowed.get(role)
    allowed = share.of(having) if share else 0
    if gone <= allowed:
        return ""
    said = f" ({share})" if share and share.percent else ""
    return (
        f"{gone} of {having} nodes with the role '{role}' are missing, "
        f"and policy allows {allowed or 'none'}{said}"
    )
