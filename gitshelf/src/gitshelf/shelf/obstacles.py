"""What lies in a work tree where git is about to write, and is not known to git."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path


def clashes(path: Path, added: Sequence[str], removed: Collection[str]) -> list[str]:
    """What is in the way, in the work tree `path`, of the files `added`; `removed` are the tracked
    files that git removes first. Ignored files count, which git itself would overwrite."""
    clashing = []
    for name in added:
        target = path / name
        parts = name.split("/")[:-1]
        above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        taken = [folder for folder in above if _is_leaf(path / folder) and folder not in removed]
        if taken:
            clashing.append(taken[0])
        elif target.is_dir() and not target.is_symlink():
            files = [Path(top) / file for top, _, names in os.walk(target) for file in names]
            clashing += [
                p for file in files if (p := file.relative_to(path).as_posix()) not in removed
            ]
        elif os.path.lexists(target) and not any(_is_leaf(path / folder) for folder in above):
            clashing.append(name)
    return list(dict.fromkeys(clashing))


def _is_leaf(path: Path) -> bool:
    return os.path.lexists(path) and (path.is_symlink() or not path.is_dir())
