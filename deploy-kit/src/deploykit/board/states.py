"""What Salt would make otherwise, as people read it: role by role, and not more than one reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deploykit.release.states import StateChange, StatesChange, Unrendered

SHOWN = 60  # differences
EVERY = "every role"
DEPLOYMENT = "the deployment"


@dataclass(frozen=True, slots=True)
class StateGroup:
    """What differs because of the same roles, on the same nodes."""

    heading: str
    changes: tuple[StateChange, ...]


@dataclass(frozen=True, slots=True)
class StatesShown:
    """`where` are the nodes that were rendered, `failed` and `missing` what was not; `left_out` how
    many differences there are beside those in `groups`."""

    where: str
    groups: tuple[StateGroup, ...]
    left_out: int
    failed: tuple[Unrendered, ...]
    missing: str


def show_states(states: StatesChange) -> StatesShown:
    """Grouped by roles: first what is of all of them, last the steps of a deployment."""
    ordered = sorted(states.changes, key=lambda change: (_place(change), change))
    nodes = ", ".join(f"{name} ({', '.join(roles)})" for name, roles in states.nodes)
    where = f"{states.environment}: {nodes}" if states.environment else f"one node each: {nodes}"
    return StatesShown(
        where=where,
        groups=tuple(_groups(ordered[:SHOWN])),
        left_out=max(0, len(ordered) - SHOWN),
        failed=states.failed,
        missing=states.missing,
    )


def _groups(changes: Iterable[StateChange]) -> Iterable[StateGroup]:
    found: dict[str, list[StateChange]] = {}
    for change in changes:
        found.setdefault(_heading(change), []).append(change)
    return (StateGroup(heading, tuple(own)) for heading, own in found.items())


def _place(change: StateChange) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    return (change.of_deployment, change.roles, change.nodes)


def _heading(change: StateChange) -> str:
    said = DEPLOYMENT if change.of_deployment else ", ".join(change.roles) or EVERY
    return f"{said} (on {', '.join(change.nodes)})"
