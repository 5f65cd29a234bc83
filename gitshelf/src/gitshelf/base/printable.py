"""Names of files as a message can show them."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 3


def text(name: str) -> str:
    """A path as it can be printed."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def some_of(names: Sequence[str]) -> str:
    """The first of several paths, and how many there are besides."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(text(name) for name in names[:_SHOWN]) + more
