"""Which of two Debian versions is the later one (deb-version(7)). Pure."""

from __future__ import annotations

import re

PART = re.compile(r"(\D*)(\d*)")


def version_order(version: str) -> tuple[int, tuple[object, ...], tuple[object, ...]]:
    """What versions are sorted by: a value that is larger for the later version."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return int(epoch) if epoch.isdigit() else 0, _order(upstream), _order(revision)


def _order(text: str) -> tuple[object, ...]:
    """Letters and digits by turns; a tilde is before the end, a letter before what is none."""
    found: list[object] = []
    for letters, digits in PART.findall(text):
        found.append((*(_rank(letter) for letter in letters), 0))
        found.append(int(digits or "0"))
    return tuple(found)  # the last match is the empty one: the end, as (0,)


def _rank(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256
