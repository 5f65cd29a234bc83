"""The folders of this user that every site shares: state and cache.

By the XDG specification: a variable that is empty or names no absolute path is as if it was not
set. The folders bear the product's name, for root too.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

NAME = "deploy-kit"


def state_home() -> Path:
    """$XDG_STATE_HOME/deploy-kit, or its default."""
    return platformdirs.user_state_path(NAME, appauthor=False)


def cache_home() -> Path:
    """$XDG_CACHE_HOME/deploy-kit, or its default."""
    return platformdirs.user_cache_path(NAME, appauthor=False)
