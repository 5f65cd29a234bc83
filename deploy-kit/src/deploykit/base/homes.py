"""The folders of this user that every site shares: state and cache."""

from __future__ import annotations

import os
from pathlib import Path


def state_home() -> Path:
    """$XDG_STATE_HOME/deploy-kit, or its default."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "deploy-kit"


def cache_home() -> Path:
    """$XDG_CACHE_HOME/deploy-kit, or its default."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "deploy-kit"
