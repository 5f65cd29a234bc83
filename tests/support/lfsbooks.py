"""Repositories with LFS objects, as git-lfs keeps them."""

from __future__ import annotations

import hashlib
from typing import Any

from gitshelf.formats import pointers

Repo = Any


def pointer(content: bytes) -> bytes:
    return pointers.Pointer(hashlib.sha256(content).hexdigest(), len(content)).to_bytes()


def stored(repo: Repo, content: bytes) -> bytes:
    """Put an object where git-lfs looks for it in a local repository, and give its pointer."""
    oid = hashlib.sha256(content).hexdigest()
    file = repo.path / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return pointer(content)


def manifest_of(repo: Repo, extra: str = "") -> str:
    pin = repo.commits[-1]
    return f"books:\n- book: b\n  git: {repo.url}\n  branch: {pin}\n  lfs: include\n{extra}"


ATTRIBUTES = b"*.bin filter=lfs diff=lfs merge=lfs -text\n"
SMALL, BIG = b"small\n", bytes(range(256)) * 20_000
