"""What a kit and an unpacked folder hold, found without gitshelf."""

from __future__ import annotations

# Names that are not UTF-8 are easier to handle as bytes.
# ruff: noqa: PTH112, PTH114, PTH115, PTH116, PTH118, PTH123, PTH208
import os
import tarfile
from pathlib import Path
from typing import Any

Repo = Any


def tree_of(folder: Path) -> dict[bytes, Any]:
    """What a folder holds, in the form of Repo.commit."""
    items: dict[bytes, Any] = {}
    root = os.fsencode(folder)
    for folder_path, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder_path, name)
            key = os.path.relpath(path, root)
            if os.path.islink(path):
                items[key] = ("120000", os.readlink(path))
            else:
                with open(path, "rb") as file:
                    data = file.read()
                items[key] = ("100755", data) if os.stat(path).st_mode & 0o100 else data
        for name in os.listdir(folder_path):
            path = os.path.join(folder_path, name)
            if os.path.islink(path) and os.path.isdir(path):
                items[os.path.relpath(path, root)] = ("120000", os.readlink(path))
    return items


def kit_names(kit: Path) -> list[str]:
    with tarfile.open(kit, errors="surrogateescape") as archive:
        return archive.getnames()


def one_book(repo: Repo, extra: str = "", commit: str = "") -> str:
    pin = commit or repo.commits[-1]
    return f"books:\n- book: b\n  git: {repo.url}\n  branch: {pin}\n{extra}"
