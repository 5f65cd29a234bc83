"""The external pillar of a suite's nodes, written by the very code of the master's agent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploykit.master.facade import node_facts
from deploykit.master.remote import environment, kits, secrets
from deploykit.nodes.inventory import Inventory

DIGEST = "0" * 64  # stands for the working copy, which has no digest


def write(
    folder: Path,
    checkout: Path,
    inventory: Inventory,
    settings: Mapping[str, Any],
) -> Path:
    """Write NODE.json for each node; returns their folder.

    `settings` go over the values of the working copy's pillar.

    `folder` keeps the suite's secrets between runs, so that a second converge has the same ones.
    Raises AgentError for a role that the working copy does not know.
    """
    kits.ROOT = folder / "kits"
    secrets.ROOT = folder / "environment"
    kits.ROOT.mkdir(parents=True, exist_ok=True)
    link = kits.ROOT / DIGEST
    link.unlink(missing_ok=True)
    link.symlink_to(checkout)
    suite_environment = inventory.environment
    environment.apply(
        DIGEST,
        suite_environment.name,
        node_facts(suite_environment, inventory.hosts),
        suite_environment.virtual,
        dict(settings),
        public=inventory.public,
    )
    return secrets.ROOT / "pillar"
