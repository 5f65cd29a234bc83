"""What the cache holds, and taking out of it what has not been used for long."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitshelf.base import files
from gitshelf.base.errors import GitshelfError
from gitshelf.cache import Cache, store_named

STORE, HISTORY, CHUNK, OBJECT = "store", "history", "book", "commit"
KINDS = (STORE, HISTORY, CHUNK, OBJECT)
_FOLDERS = {STORE: "stores", HISTORY: "full", CHUNK: "chunks", OBJECT: "objects"}
_PATIENCE = 0.2


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A thing in the cache: a STORE or HISTORY (a bare repository of one URL), a CHUNK (a spliced
    book) or an OBJECT. `size` in bytes, `used` in seconds since 1970, `pins` how many commits a
    repository keeps."""

    kind: str
    name: str
    path: Path
    size: int
    used: float
    pins: int = 0


def contents(cache: Cache) -> list[CacheEntry]:
    """What a cache holds, by kind and name. What goes away meanwhile is left out."""
    entries = []
    for kind in KINDS:
        for path in sorted((cache.root / _FOLDERS[kind]).iterdir()):
            if path.name.startswith(".") or (kind == CHUNK and path.suffix != ".tar"):
                continue
            with suppress(OSError):
                entries.append(_entry_of(kind, path))
    return entries


def _entry_of(kind: str, path: Path) -> CacheEntry:
    used = path.stat().st_mtime
    if kind in (STORE, HISTORY):
        pins = len(list((path / "refs" / "pins").glob("[0-9a-f]*")))
        return CacheEntry(kind, path.name, path, sum(_sizes(path)), used, pins)
    beside = path.with_suffix(".json")
    more = beside.stat().st_size if kind == CHUNK and beside.exists() else 0
    return CacheEntry(kind, path.name, path, path.stat().st_size + more, used)


def _sizes(folder: Path) -> Iterator[int]:
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                yield Path(parent, name).lstat().st_size


def prune(
    cache: Cache,
    older_than: float,
    *,
    write: bool = True,
    clock: Callable[[], float] = time.time,
) -> list[CacheEntry]:
    """Remove what was not used for `older_than` seconds, and what killed runs left; returns what
    was removed (with `write` false: what would be). A repository that a run is writing to stays.

    A run at the same time fetches again what it misses. Pins that were pushed away upstream are
    lost with their repository.
    """
    limit = clock() - older_than
    removed = []
    for entry in contents(cache):
        if entry.used > limit or (write and not _remove(cache, entry)):
            continue
        removed.append(entry)
    if write:
        cache.sweep()
    return removed


def _remove(cache: Cache, entry: CacheEntry) -> bool:
    if entry.kind not in (STORE, HISTORY):
        if entry.kind == CHUNK:
            files.remove(entry.path.with_suffix(".json"))
        files.remove(entry.path)
        return True
    store = store_named(cache.root, _FOLDERS[entry.kind], entry.name)
    try:
        with store.writing(_PATIENCE):
            # Renamed first, so that nobody ever finds half a repository under its name.
            part = files.part_path(store.path)
            store.path.rename(part)
    except GitshelfError:
        return False
    files.remove(part)
    return True
