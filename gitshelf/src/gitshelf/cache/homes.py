"""The folders of this user that gitshelf writes to, as the XDG base directories say.

`$XDG_CACHE_HOME/gitshelf` and `$XDG_STATE_HOME/gitshelf`; a relative value counts as none.
"""

from __future__ import annotations

from pathlib import Path

_NAME = "gitshelf"


def cache_home() -> Path:
    """The folder for what can be made again: `~/.cache/gitshelf` by default."""
    # Imported here, so that the options of a command are shown without it.
    from platformdirs import user_cache_path

    return user_cache_path(_NAME, appauthor=False)


def state_home() -> Path:
    """The folder for what cannot be made again: `~/.local/state/gitshelf` by default."""
    from platformdirs import user_state_path

    return user_state_path(_NAME, appauthor=False)
