"""A folder in the place of a master's: its kits with a role map, and its environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.master.remote import kits, secrets


def make_master(folder: Path, monkeypatch: pytest.MonkeyPatch, digest: str, roles: str) -> Path:
    """Have the agent's code work in `folder`: one kit, whose salt/roles.yml is `roles`.

    Returns the folder of the environment.
    """
    monkeypatch.setattr(secrets, "ROOT", folder / "environment")
    monkeypatch.setattr(kits, "ROOT", folder / "kits")
    salt = folder / "kits" / digest / "salt"
    salt.mkdir(parents=True)
    (salt / "roles.yml").write_text(roles)
    return folder / "environment"
