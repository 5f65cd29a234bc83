"""The external pillar of a suite's nodes, written by the very code of the master's agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploykit.master.remote import environment, kits, secrets

DIGEST = "0" * 64  # stands for the working copy, which has no digest


def write(
    folder: Path,
    checkout: Path,
    name: str,
    nodes: dict[str, dict[str, Any]],
    virtual: dict[str, str],
) -> Path:
    """Write NODE.json for each of `nodes` (name -> roles, addresses); returns their folder.

    `virtual` are the addresses that nodes share, by network.

    `folder` keeps the suite's secrets between runs, so that a second converge has the same ones.
    Raises AgentError for a role that the working copy does not know.
    """
    kits.ROOT = folder / "kits"
    secrets.ROOT = folder / "environment"
    kits.ROOT.mkdir(parents=True, exist_ok=True)
    link = kits.ROOT / DIGEST
    link.unlink(missing_ok=True)
    link.symlink_to(checkout)
    environment.apply(DIGEST, name, nodes, virtual)
    return secrets.ROOT / "pillar"
