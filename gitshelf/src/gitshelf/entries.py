"""Files and links of a store as tar entries, streamed, folders before what they hold."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from gitshelf import gitobjects, lock, tar
from gitshelf.errors import GitshelfError
from gitshelf.gitobjects import Item
from gitshelf.objects import ObjectReader

_LFS = b"version https://git-lfs.github.com/spec/v1\n"
_LFS_MAX = 1024
_FLUSH = 1 << 20


class Writer:
    """Renders entries below the place `prefix` into `raw`, with the time `mtime` (s).

    `size` and `crc` are those of what was written, `weight` the files' bytes, `lfs` the paths of
    LFS pointers.
    """

    def __init__(self, raw: BinaryIO, prefix: str, mtime: int) -> None:
        self._raw = raw
        self._prefix = lock.raw(prefix) + b"/" if prefix else b""
        self._mtime = mtime
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
