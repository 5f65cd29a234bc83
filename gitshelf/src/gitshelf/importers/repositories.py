"""What is in a repository that a file to import names, if a book depends on it: a collection's
name, a west manifest to import. It is fetched into the cache, as for a build, and read there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from gitshelf import manifest
from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Stopped, Timeout
from gitshelf.cache.retries import TRIES
from gitshelf.formats import gitobjects
from gitshelf.git import urls
from gitshelf.git.reader import ObjectReader
from gitshelf.importers import credentials
from gitshelf.importers.model import Source

_MAX_FILE = 4 << 20
_BOOK = "looked-at"

T = TypeVar("T")


class Tree:
    """The files of one commit."""

    def __init__(self, reader: ObjectReader, root: str) -> None:
        self._reader = reader
        self._root = root

    def folder(self, path: str) -> dict[str, gitobjects.Item]:
        """What lies in a folder, by name; empty if there is none."""
        tree, _ = self._reader.descend(self._root, path.encode("utf-8", "surrogateescape"))
        if tree is None:
            return {}
        ((_, content),) = self._reader.read([tree])
        items = gitobjects.parse_tree(content, tree)
        return {item.path.decode("utf-8", "surrogateescape"): item for item in items}

    def file(self, path: str) -> bytes | None:
        """The content of a file; None if there is none, or if it is larger than 4 MiB."""
        folder, _, name = path.strip("/").rpartition("/")
        item = self.folder(folder).get(name)
        if item is None or item.mode not in gitobjects.REGULAR:
            return None
        pieces: list[bytes] = []
        for _, size in self._reader.headers([item.id]):
            # All of it is read, or git's next answer would begin with what is left.
            pieces += [piece for piece in self._reader.pieces(size) if size <= _MAX_FILE]
            if size > _MAX_FILE:
                return None
        return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class _Looked(Generic[T]):
    """What was seen in a tree; its submodules do not count, as no kit is made of it."""

    seen: T
    submodules: tuple[()] = ()


def look(source: Source, url: str, branch: str, see: Callable[[Tree], T]) -> T:
    """What `see` returns for the files that a branch, tag or SHA of a repository holds.

    Raises GitshelfError, without a location, if the repository cannot be asked, or must not be: by
    gitshelf's rules for URLs, or because a file from elsewhere names a folder of this machine. A
    host that did not answer in time is not asked again.
    """
    if source.options is None:
        raise GitshelfError("no repository is asked")
    reason = credentials.problem(url)
    if reason:
        raise GitshelfError(f"the URL {url} {reason}")
    if source.origin:
        try:
            urls.check_inner_url(url, source.origin)
        except ValueError as error:
            raise GitshelfError(f"the URL {url} {error}") from None
    host = urlsplit(url).netloc if "://" in url else url.partition(":")[0]
    if host and host in source.silent:
        raise GitshelfError(f"{host} did not answer before")
    from gitshelf.resolution import Shelf

    book = {"book": _BOOK, "git": url, "branch": branch}
    text = json.dumps({"books": [book]}, ensure_ascii=False).encode("utf-8", "replace")
    try:
        parsed = manifest.parse(text, Path(source.chain[0]).with_name("gitshelf.yml"))
        shelf = Shelf(parsed, source.options)
        ((_, looked),) = shelf.work(
            lambda resolved, reader: _Looked(see(Tree(reader(), resolved.tree)))
        )
    except Stopped:
        raise
    except GitshelfError as error:
        if isinstance(error, Timeout) or f"{TRIES} tries" in error.message:
            source.silent.append(host)
        raise GitshelfError(error.message.rpartition(f"book {_BOOK}: ")[2], error.remedy) from None
    return looked.seen
