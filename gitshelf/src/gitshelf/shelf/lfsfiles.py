"""LFS objects in a clone to work in, where git-lfs puts them in the place of their pointers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gitshelf.base import printable
from gitshelf.base.process import Result
from gitshelf.cache import lfs
from gitshelf.formats import pointers
from gitshelf.git import worktree
from gitshelf.kit.lock import INCLUDE, OMIT


class Git(Protocol):
    """Runs git in the clone; `url` is the one that it will ask."""

    def __call__(self, *arguments: str, url: str = "") -> Result: ...


@dataclass(frozen=True, slots=True)
class Book:
    """What a book says of LFS: its `url`, its `policy`, and the `servers` that may get a person's
    credentials."""

    url: str
    policy: str
    servers: frozenset[str]


def bring(path: Path, book: Book, git: Git, *, offline: bool) -> str:
    """Bring the objects of the checked-out commit into the clone `path` if its book includes
    them; if the book decides nothing, say which files are pointers only ("" for none).

    Raises GitshelfError, naming a file, if an object is not to be had.
    """
    pointer_files = [] if book.policy == OMIT else pointers_left(path)
    if not pointer_files:
        return ""
    if book.policy != INCLUDE:
        names = printable.some_of(pointer_files)
        return f"LFS pointers, as the book does not say `lfs: include`: {names}"
    server = lfs.server_named(_config(path), book.url) or book.url
    # Without these filters git would take each object for a change of its pointer.
    result = git("config", "--get", "filter.lfs.process")
    if not result.ok:
        result = git("lfs", "install", "--local", "--skip-repo")
    if result.ok:
        result = git("lfs", "checkout" if offline else "pull", url=server)
    pointer_files = pointers_left(path)
    if pointer_files:
        what = f"the LFS object of {printable.some_of(pointer_files)}"
        if offline and result.ok:
            raise lfs.not_there(what)
        stranger = lfs.stranger_of(server, book.servers)
        raise lfs.failure(what, result, path, stranger)
    return ""


def _config(path: Path) -> bytes:
    file = path / lfs.CONFIG
    if file.is_symlink() or not file.is_file():
        return b""
    with file.open("rb") as source:
        content = source.read(lfs.MAX_CONFIG + 1)
    if len(content) > lfs.MAX_CONFIG:
        raise lfs.too_big()
    return content


def pointers_left(path: Path) -> list[str]:
    """The files of the clone `path` that are LFS pointers still, and should not be."""
    out = worktree.output_of(path, ["ls-files", "-z", "--", ":(attr:filter=lfs)"])
    return [name for name in os.fsdecode(out).split("\0")[:-1] if _is_pointer(path / name)]


def _is_pointer(file: Path) -> bool:
    try:
        small = file.lstat().st_size < pointers.MAX_SIZE and not file.is_symlink()
        return small and pointers.is_pointer(file.read_bytes())
    except OSError:
        return False
