"""What Salt would make otherwise with a release: data for the page; rendered in room `preview`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

LINES = 12  # of one difference that are shown; of what is new or gone fewer
WHOLE = 4
DEPLOYMENT = "deployment"  # in the place of a component: what none owns


@dataclass(frozen=True, slots=True, order=True)
class StateChange:
    """One thing that would be otherwise on `nodes`, because of `roles` (empty: of every role, or
    of the deployment itself): a state, a file, a key of the pillar, a step.

    `digest` is of both values in full; `kind` is changed, new or gone; `lines` are the difference
    as a person reads it, secrets masked, `more` how many lines of it are left out.
    """

    component: str
    what: str
    kind: str
    roles: tuple[str, ...]
    nodes: tuple[str, ...]
    digest: str
    lines: tuple[str, ...]
    more: int

    @property
    def of_deployment(self) -> bool:
        """Whether it is of no component, but of how all are deployed."""
        return self.component == DEPLOYMENT


@dataclass(frozen=True, slots=True, order=True)
class Unrendered:
    """A `node` ('' for all) that does not render with `version`, and why, as Salt says it."""

    version: str
    node: str
    why: str


@dataclass(frozen=True, slots=True)
class StatesChange:
    """What Salt would make otherwise on the nodes of `environment`, '' for one node of each stage.

    `nodes` are those that stand for others of the same roles. `missing` is why this machine could
    not render at all; then nothing else is known.
    """

    environment: str
    nodes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    changes: tuple[StateChange, ...] = ()
    failed: tuple[Unrendered, ...] = ()
    missing: str = ""


def fixed_states(states: StatesChange) -> dict[str, Any]:
    """What of it an approval is bound to: all that differs, by digest, and where nothing rendered.

    Not what is said for people: how that is laid out may differ between two deploy-kits.
    """
    if states.missing:
        return {"rendered": False}
    return {
        "rendered": True,
        "changes": [
            {
                "component": change.component,
                "what": change.what,
                "kind": change.kind,
                "roles": list(change.roles),
                "nodes": list(change.nodes),
                "sha256": change.digest,
            }
            for change in states.changes
        ],
        "failed": [{"version": one.version, "node": one.node} for one in states.failed],
    }


def digest_of(text: str) -> str:
    """The SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
