"""Spliced books as they are kept in the cache: their tar entries, and what these are."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from gitshelf.assembly import spdx
from gitshelf.assembly.spdx import Licence
from gitshelf.base import files
from gitshelf.formats.pointers import Pointer
from gitshelf.kit import lock
from gitshelf.kit.lock import Omitted
from gitshelf.resolution.submodules import Submodule


@dataclass(frozen=True, slots=True)
class Chunk:
    """A spliced book: `file` holds its entries, `size` bytes with CRC-32 `crc`.

    `tree` is the id of the folder, `trees` the raw trees above it by id, `links` each symbolic
    link's target by path within the book, `weight` the files' bytes, `licences` what its licence
    files state, `submodules` those that belong to it; the rest as in lock.LockedBook.
    """

    file: Path
    size: int
    crc: int
    tree: str
    content: str
    files: int
    weight: int
    omitted: tuple[Omitted, ...] = ()
    irregular: tuple[bytes, ...] = ()
    links: dict[bytes, bytes] = field(default_factory=dict)
    trees: dict[str, bytes] = field(default_factory=dict)
    licences: tuple[Licence, ...] = field(default=(), kw_only=True)
    submodules: tuple[Submodule, ...] = ()
    lfs: tuple[tuple[bytes, Pointer], ...] = ()


def find(target: Path) -> Chunk | None:
    """The chunk that was kept as `target` (a path without suffix), or None."""
    try:
        meta = json.loads(target.with_suffix(".json").read_bytes())
        chunk = Chunk(
            target.with_suffix(".tar"),
            meta["size"],
            meta["crc"],
            meta["tree"],
            meta["content"],
            meta["files"],
            meta["weight"],
            tuple(Omitted(lock.raw(p), mode, i, why) for p, mode, i, why in meta["omitted"]),
            tuple(lock.raw(path) for path in meta["irregular"]),
            {lock.raw(path): lock.raw(link) for path, link in meta["links"].items()},
            {tree: base64.b64decode(data) for tree, data in meta["trees"].items()},
            tuple(Submodule(lock.raw(p), i, url) for p, i, url in meta.get("submodules", ())),
            tuple((lock.raw(p), Pointer(oid, size)) for p, oid, size in meta.get("lfs", ())),
            licences=tuple(Licence(lock.raw(p), stated) for p, stated in meta["licences"]),
        )
        if chunk.file.stat().st_size != chunk.size or meta["judged"] != spdx.VERSION:
            return None
        # `gitshelf cache prune` removes what was not used for long.
        os.utime(chunk.file)
        return chunk
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def discard(chunk: Chunk) -> None:
    """Forget a chunk that turned out to be damaged."""
    files.remove(chunk.file.with_suffix(".json"))
    files.remove(chunk.file)


def keep(chunk: Chunk, target: Path) -> None:
    """Say beside the entries of `target` what they are, so that `find` finds them."""
    meta = {
        "size": chunk.size,
        "crc": chunk.crc,
        "tree": chunk.tree,
        "content": chunk.content,
        "files": chunk.files,
        "weight": chunk.weight,
        "omitted": [[lock.text(o.path), o.mode, o.id, o.why] for o in chunk.omitted],
        "irregular": [lock.text(path) for path in chunk.irregular],
        "licences": [[lock.text(licence.file), licence.spdx] for licence in chunk.licences],
        "judged": spdx.VERSION,
        "links": {lock.text(p): lock.text(link) for p, link in chunk.links.items()},
        "submodules": [[lock.text(o.path), o.commit, o.url] for o in chunk.submodules],
        "lfs": [[lock.text(path), pointer.oid, pointer.size] for path, pointer in chunk.lfs],
        "trees": {i: base64.b64encode(data).decode() for i, data in chunk.trees.items()},
    }
    files.write(target.with_suffix(".json"), json.dumps(meta).encode())
