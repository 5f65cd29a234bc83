"""What lies on a shelf, and a manifest of one book."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Repo = Any


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leads(link: Path) -> str:
    return str(link.readlink())


def one_book(repo: Repo, branch: str = "master", more: str = "") -> str:
    return f"books:\n- {{book: a, git: '{repo.url}', branch: {branch}{more}}}\n"
