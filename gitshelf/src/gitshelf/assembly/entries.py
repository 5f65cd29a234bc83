"""Files and links of a store as tar entries, streamed, folders before what they hold."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from gitshelf.base import files
from gitshelf.base.errors import GitshelfError
from gitshelf.formats import gitobjects, pointers, tar
from gitshelf.formats.gitobjects import Item
from gitshelf.formats.pointers import Pointer
from gitshelf.git.reader import Missing, ObjectReader
from gitshelf.kit import lock

_FLUSH = 1 << 20


class Writer:
    """Renders entries below the place `prefix` into `raw`, with the time `mtime` (s).

    An LFS pointer is replaced by the file that `objects` has for its oid. A pointer without such a
    file is not written, but noted in `pointers` (None if its form is not canonical). `lfs` are the
    pointers that were replaced, `size` and `crc` those of what was written, `weight` the files'
    bytes.
    """

    def __init__(self, raw: BinaryIO, prefix: str, mtime: int, objects: Mapping[str, Path]) -> None:
        self._raw = raw
        self._prefix = lock.raw(prefix) + b"/" if prefix else b""
        self._mtime = mtime
        self._objects = objects
        self._parts: list[bytes] = []
        self._pending = 0
        self._folders = {b""}
        self.size = self.crc = self.weight = 0
        self.pointers: dict[bytes, Pointer | None] = {}
        self.lfs: dict[bytes, Pointer] = {}
        if self._prefix:
            self._add(self._header(b"", tar.FOLDER, 0o755, 0))

    def write(self, reader: ObjectReader, items: list[Item]) -> None:
        """Write all items. Raises Missing if an LFS object is not what its pointer says."""
        for item, (kind, size) in zip(items, reader.headers([i.id for i in items]), strict=True):
            if kind != "blob":
                raise GitshelfError(f"{tar.printable(item.path)} is not a file in its repository")
            if size > _FLUSH:
                self._stream(item, size, reader.pieces(size))
                continue
            content = reader.content(size)
            if size < pointers.MAX_SIZE and pointers.is_pointer(content):
                self._pointer(item, pointers.parse(content))
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

    def _stream(self, item: Item, size: int, pieces: Iterable[bytes]) -> None:
        self._enter(item.path)
        self._add(self._header(item.path, tar.FILE, _mode(item), size))
        for piece in pieces:
            self._add(piece)
        self._add(tar.padding(size))
        self.weight += size

    def _pointer(self, item: Item, pointer: Pointer | None) -> None:
        if pointer is None or pointer.oid not in self._objects:
            self.pointers[item.path] = pointer
            return
        self._stream(item, pointer.size, lfs_object(self._objects[pointer.oid], pointer))
        self.lfs[item.path] = pointer

    def _enter(self, path: bytes) -> None:
        folder = path[: path.rfind(b"/") + 1]
        missing = []
        while folder not in self._folders:
            missing.append(folder)
            self._folders.add(folder)
            folder = folder[: folder.rfind(b"/", 0, -1) + 1]
        for parent in reversed(missing):
            self._add(self._header(parent, tar.FOLDER, 0o755, 0))

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


def lfs_object(file: Path, pointer: Pointer) -> Iterator[bytes]:
    """The content of an LFS object. Raises Missing at its end if it is not what the pointer says;
    the damaged file is then removed."""
    hashed = hashlib.sha256()
    left = pointer.size
    with file.open("rb", buffering=0) as source:
        while left and (piece := source.read(min(left, _FLUSH))):
            hashed.update(piece)
            left -= len(piece)
            yield piece
    if left or hashed.hexdigest() != pointer.oid:
        files.remove(file)
        raise Missing(f"the LFS object {pointer.oid} is damaged in the cache", "run again")


def _mode(item: Item) -> int:
    return 0o755 if item.mode == gitobjects.EXECUTABLE else 0o644
