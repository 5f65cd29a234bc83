"""Names and texts of others as a message can show them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SHOWN = 3
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def text(raw: str) -> str:
    """A text that can be printed and cannot steer a terminal; lines stay lines."""
    return _UNPRINTABLE.sub("?", raw)


def markdown(raw: str) -> str:
    """A text that shows as itself where Markdown is read."""
    return _MARKUP.sub(r"\\\1", raw)


def some_of(names: Sequence[str]) -> str:
    """The first of several paths, and how many there are besides."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(text(name) for name in names[:_SHOWN]) + more
