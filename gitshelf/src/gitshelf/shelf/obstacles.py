"""What lies in a work tree where git is about to write, and git does not know of."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path


def clashes(path: Path, added: Sequence[str], gone: Collection[str]) -> list[str]:
    """What is in the way, in the work tree `path`, of the files `added`; `gone` are the tracked
    files that git removes first. Ignored files count, which git itself would overwrite."""
    found = []
    for name in added:
        where = path / name
        parts = name.split("/")[:-1]
        above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        taken = [one for one in above if _is_leaf(path / one) and one not in gone]
        if taken:
            found.append(taken[0])
        elif where.is_dir() and not where.is_symlink():
            held = [Path(top) / file for top, _, names in os.walk(where) for file in names]
            found += [p for one in held if (p := one.relative_to(path).as_posix()) not in gone]
        elif os.path.lexists(where) and not any(_is_leaf(path / one) for one in above):
            found.append(name)
    return list(dict.fromkeys(found))


def _is_leaf(path: Path) -> bool:
    return os.path.lexists(path) and (path.is_symlink() or not path.is_dir())
