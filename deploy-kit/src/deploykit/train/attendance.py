"""Looking who is there before anything is done to an environment's nodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.markup import escape

from deploykit.base.errors import NodeUnreachable, Refused
from deploykit.ledger.records import Record
from deploykit.ledger.view import policy_in_force
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import no_answer, silent
from deploykit.policy.attendance import Limits, Missing, Why, missing
from deploykit.release import Release
from deploykit.rollout.work import Work
from deploykit.site.environment import Environment
from deploykit.site.promotion import Promotion


@dataclass(frozen=True, slots=True)
class Attendance:
    """An environment's nodes, those that are missing marked as absent, and why each of them is."""

    inventory: Inventory
    left_out: Mapping[str, str]


def attending(
    work: Work,
    release: Release,
    environment: Environment,
    records: Sequence[Record],
    behind: Collection[str] = (),
) -> Attendance:
    """Who of the environment's nodes is there for `release`, by the policy in force.

    Left out are the nodes in maintenance, those that do not answer, and those that are `behind`:
    that run another release still. Raises NodeUnreachable or Refused with what stands against it.
    """
    inventory = work.inventory(environment)
    asked = {host.name for host in inventory.hosts} - environment.maintenance
    dead = silent(inventory, asked)
    rule = policy_in_force(records).get(environment.name, Promotion())
    found = missing(
        {node.name: node.roles for node in environment.nodes},
        {Why.MAINTENANCE: environment.maintenance, Why.SILENT: dead, Why.BEHIND: behind},
        Limits(rule.allow_missing, release.may_be_missing(work.site)),
    )
    if found.against:
        raise _too_many(inventory, found, dead)
    for name, why in found.nodes.items():
        work.progress.say(f"{environment.name}: without {escape(name)}: {why}")
    return Attendance(
        replace(inventory, absent=frozenset(found.nodes)),
        {name: str(why) for name, why in found.nodes.items()},
    )


def _too_many(
    inventory: Inventory, found: Missing, dead: Sequence[str]
) -> NodeUnreachable | Refused:
    """Why it cannot go on without them: those that do not answer first, by name."""
    name = inventory.environment.name
    reasons = "\n".join(f"- {reason}" for reason in found.against)
    policy = f"how many may be missing: promotion.allow_missing of {name}, deploy-kit policy show"
    if not dead:
        return Refused(f"{name}: it cannot go on without what is missing:\n{reasons}", policy)
    error = no_answer(inventory.instance, dead)
    return NodeUnreachable(f"{error.message}\n{reasons}", f"{error.remedy}\n{policy}")
