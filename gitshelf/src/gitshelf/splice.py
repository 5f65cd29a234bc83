"""One book as tar entries, straight from the object store: no work tree, no attribute filters.

The result, a chunk, is kept in the cache under a key of everything that it depends on.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from gitshelf import attributes, files, gitobjects, links, lock, tar
from gitshelf.document import Place
from gitshelf.errors import GitshelfError
from gitshelf.gitobjects import Item
from gitshelf.lock import OMIT, REFUSE, Omitted, Policies
from gitshelf.objects import ObjectReader

_LFS = b"version https://git-lfs.github.com/spec/v1\n"
_LFS_MAX = 1024
_FLUSH = 1 << 20
_REMEDY = "write `{key}: {choices}` in the book, or pin a commit without them"
_NAMES = {
    "submodule": ("submodules", "submodules"),
    "lfs": ("lfs", "LFS pointers"),
    "export-ignore": ("export-ignore", "paths marked export-ignore"),
    "export-subst": ("export-subst", "files marked export-subst"),
    "link": ("links", "links that lead out of the book"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """What to splice: the folder `path` of the tree `root`, as `prefix`, at time `mtime` (s)."""

    root: str
    path: str
    prefix: str
    mtime: int
    policies: Policies


@dataclass(frozen=True, slots=True)
class Chunk:
    """A spliced book: `file` holds its entries, `size` bytes with CRC-32 `crc`.

    `tree` is the id of the folder, `trees` the raw trees above it by id, `links` each symbolic
    link's target by path within the book, `weight` the files' bytes; the rest as in
    lock.LockedBook.
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


def cached(target: Path) -> Chunk | None:
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
        )
        if chunk.file.stat().st_size != chunk.size:
            return None
        # For `gitshelf cache prune`: it was used now.
        os.utime(chunk.file)
        return chunk
    except (OSError, ValueError, KeyError, TypeError):
        return None


def discard(chunk: Chunk) -> None:
    """Forget a chunk that turned out to be damaged."""
    files.remove(chunk.file.with_suffix(".json"))
    files.remove(chunk.file)


def splice(reader: ObjectReader, source: Source, target: Path, place: Place) -> Chunk:
    """Write the book's entries as `target` and say what they are; `place` is for messages.

    Raises GitshelfError where the folder is missing, or where the book holds what its policies
    refuse, with the names.
    """
    tree, above = _descend(reader, source, place)
    listing = _listing(reader.trees([tree]), tree, place)
    omitted: dict[bytes, str] = {}
    _decide_submodules(listing, source, omitted, place)
    _decide_attributes(reader, source, listing, omitted, place)
    found_links = _decide_links(reader, source, listing, omitted, place)
    carried = [item for item in listing if item.path not in omitted]
    with files.replacing(target.with_suffix(".tar")) as raw:
        writer = _Writer(raw, source)
        writer.write(reader, carried)
        _refuse("lfs", source.policies.lfs, writer.lfs, omitted, place)
    carried = [item for item in carried if item.path not in omitted]
    chunk = Chunk(
        target.with_suffix(".tar"),
        writer.size,
        writer.crc,
        tree,
        gitobjects.content_digest(carried),
        len(carried),
        writer.weight,
        tuple(
            Omitted(item.path, item.mode, item.id, omitted[item.path])
            for item in listing
            if item.path in omitted
        ),
        tuple(item.path for item in carried if item.mode == gitobjects.GROUP_WRITABLE),
        found_links,
        above,
    )
    _keep(chunk, target)
    return chunk


def _keep(chunk: Chunk, target: Path) -> None:
    meta = {
        "size": chunk.size,
        "crc": chunk.crc,
        "tree": chunk.tree,
        "content": chunk.content,
        "files": chunk.files,
        "weight": chunk.weight,
        "omitted": [[lock.text(o.path), o.mode, o.id, o.why] for o in chunk.omitted],
        "irregular": [lock.text(path) for path in chunk.irregular],
        "links": {lock.text(p): lock.text(link) for p, link in chunk.links.items()},
        "trees": {i: base64.b64encode(data).decode() for i, data in chunk.trees.items()},
    }
    files.write(target.with_suffix(".json"), json.dumps(meta).encode())


def _descend(reader: ObjectReader, source: Source, place: Place) -> tuple[str, dict[str, bytes]]:
    """The id of the folder, and the raw trees on the way to it."""
    tree, above = source.root, {}
    for part in [p for p in source.path.split("/") if p]:
        ((_, content),) = reader.read([tree])
        above[tree] = content
        for item in gitobjects.parse_tree(content, tree):
            if item.path == lock.raw(part) and item.mode == gitobjects.TREE:
                tree = item.id
                break
        else:
            raise place.error(
                f"its commit has no folder {source.path}", "correct `path`, or pin another commit"
            )
    return tree, above


def _listing(trees: dict[str, list[Item]], root: str, place: Place) -> list[Item]:
    """All files, links and submodules below `root`, by full path, in git's order."""
    listing: list[Item] = []
    stack: list[tuple[bytes, Iterator[Item]]] = [(b"", iter(trees[root]))]
    while stack:
        prefix, items = stack[-1]
        for item in items:
            path = prefix + item.path
            if item.mode == gitobjects.TREE:
                if not trees[item.id]:
                    raise place.error(
                        f"its folder {tar.printable(path)} is empty, which git cannot check out",
                        "pin another commit",
                    )
                stack.append((path + b"/", iter(trees[item.id])))
                break
            if item.mode not in gitobjects.MODES:
                raise place.error(
                    f"{tar.printable(path)} has the mode {item.mode}, which a kit cannot carry",
                    "pin another commit",
                )
            listing.append(Item(path, item.mode, item.id))
        else:
            stack.pop()
    return listing


def _refuse(
    why: str, policy: str, paths: list[bytes], omitted: dict[bytes, str], place: Place
) -> None:
    """Leave `paths` out, or refuse them by name; `include` does nothing."""
    if not paths:
        return
    key, what = _NAMES[why]
    if policy == OMIT:
        omitted.update((path, why) for path in paths)
    elif policy == REFUSE:
        names = ", ".join(tar.printable(path) for path in paths[:5])
        more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
        choices = "|".join(c for c in lock.POLICY_VALUES[key] if c != REFUSE)
        raise place.error(f"it has {what}: {names}{more}", _REMEDY.format(key=key, choices=choices))


def _decide_submodules(
    listing: list[Item], source: Source, omitted: dict[bytes, str], place: Place
) -> None:
    paths = [item.path for item in listing if item.mode == gitobjects.SUBMODULE]
    _refuse("submodule", source.policies.submodules, paths, omitted, place)


def _decide_attributes(
    reader: ObjectReader,
    source: Source,
    listing: list[Item],
    omitted: dict[bytes, str],
    place: Place,
) -> None:
    marked = attributes.marked(reader, source.root, source.path, listing)
    for why, policy in (
        ("export-ignore", source.policies.export_ignore),
        ("export-subst", source.policies.export_subst),
    ):
        paths = [path for path in marked.get(why, []) if path not in omitted]
        _refuse(why, policy, paths, omitted, place)


def _decide_links(
    reader: ObjectReader,
    source: Source,
    listing: list[Item],
    omitted: dict[bytes, str],
    place: Place,
) -> dict[bytes, bytes]:
    """The links that stay, by path; those that leave the book are refused or left out."""
    items = [i for i in listing if i.mode == gitobjects.SYMLINK and i.path not in omitted]
    if not items:
        return {}
    contents = [content for _, content in reader.read([item.id for item in items])]
    targets = {item.path: content for item, content in zip(items, contents, strict=True)}
    for path, content in targets.items():
        if not content or b"\0" in content:
            raise place.error(f"the link {tar.printable(path)} has no target", "pin another commit")
    leaving = [path for path in targets if links.leaves(path, targets, b"")]
    _refuse("link", source.policies.links, leaving, omitted, place)
    return {path: link for path, link in targets.items() if path not in omitted}


class _Writer:
    """Renders entries into a file, folders before what they hold."""

    def __init__(self, raw: BinaryIO, source: Source) -> None:
        self._raw = raw
        self._prefix = lock.raw(source.prefix) + b"/" if source.prefix else b""
        self._mtime = source.mtime
        self._parts: list[bytes] = []
        self._pending = 0
        self._folders = {b""}
        self.size = self.crc = self.weight = 0
        self.lfs: list[bytes] = []
        if self._prefix:
            self._add(self._header(b"", tar.FOLDER, 0o755, 0))

    def write(self, reader: ObjectReader, items: list[Item]) -> None:
        """Write all items; LFS pointers are not written but noted in `lfs`."""
        for item, (kind, size) in zip(items, reader.headers([i.id for i in items]), strict=True):
            if kind != "blob":
                raise GitshelfError(f"{tar.printable(item.path)} is not a file in its repository")
            if size > _FLUSH:
                self._enter(item.path)
                self._add(self._header(item.path, tar.FILE, _mode(item), size))
                for piece in reader.pieces(size):
                    self._add(piece)
                self._add(tar.padding(size))
                self.weight += size
                continue
            content = reader.content(size)
            if size < _LFS_MAX and content.startswith(_LFS) and b"\noid sha256:" in content:
                self.lfs.append(item.path)
                continue
            self._enter(item.path)
            if item.mode == gitobjects.SYMLINK:
                self._add(self._header(item.path, tar.LINK, 0o755, 0, content))
                continue
            self._parts += (
                self._header(item.path, tar.FILE, _mode(item), size),
                content,
                tar.padding(size),
            )
            self._pending += size + tar.BLOCK
            self.weight += size
            if self._pending > _FLUSH:
                self._flush()
        self._flush()

    def _enter(self, path: bytes) -> None:
        folder = path[: path.rfind(b"/") + 1]
        missing = []
        while folder not in self._folders:
            missing.append(folder)
            self._folders.add(folder)
            folder = folder[: folder.rfind(b"/", 0, -1) + 1]
        for one in reversed(missing):
            self._add(self._header(one, tar.FOLDER, 0o755, 0))

    def _header(self, path: bytes, kind: bytes, mode: int, size: int, link: bytes = b"") -> bytes:
        return tar.header(tar.Entry(self._prefix + path, kind, mode, size, self._mtime, link))

    def _add(self, data: bytes) -> None:
        self._parts.append(data)
        self._pending += len(data)
        if self._pending > _FLUSH:
            self._flush()

    def _flush(self) -> None:
        data = b"".join(self._parts)
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)
        view = memoryview(data)
        while view:
            view = view[self._raw.write(view) :]
        self._parts.clear()
        self._pending = 0


def _mode(item: Item) -> int:
    return 0o755 if item.mode == gitobjects.EXECUTABLE else 0o644
