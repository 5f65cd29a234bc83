"""Git packs written from memory: many objects at once, trees as differences to the one before.

Format: git's gitformat-pack(5).
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Self

TYPES = {"commit": 1, "tree": 2, "blob": 3}
OFFSET_DELTA = 6
DEEPEST = 32  # differences in a row before an object is written whole


class PackWriter:
    """A pack of `count` objects in `folder`; used as a context manager. `id` is its name then."""

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._aside = folder / "tmp_made"
        self._folder = folder
        self._whole = hashlib.sha1(usedforsecurity=False)
        self._size = 0
        self._count = count
        self._bases: dict[str, tuple[bytes, int, int]] = {}  # content, offset, depth

    def __enter__(self) -> Self:
        self._file = self._aside.open("wb")
        self._write(b"PACK" + struct.pack(">II", 2, self._count))
        return self

    def __exit__(self, *_: object) -> None:
        trailer = self._whole.digest()
        self._file.write(trailer)
        self._file.close()
        self.file = self._folder / f"pack-{trailer.hex()}.pack"
        self._aside.rename(self.file)

    def add(self, kind: str, content: bytes) -> str:
        """Write an object whole; returns its id."""
        self._put(TYPES[kind], b"", content)
        return object_id(kind, content)

    def add_next(self, series: str, content: bytes) -> str:
        """Write a tree that follows the last one of `series`, of which it has most; returns its id.

        What is the same at both ends is taken from there.
        """
        base, offset, depth = self._bases.get(series, (b"", 0, DEEPEST))
        place = self._size
        if depth < DEEPEST:
            self._put(OFFSET_DELTA, _distance(place - offset), _delta(base, content))
            depth += 1
        else:
            self._put(TYPES["tree"], b"", content)
            depth = 0
        self._bases[series] = content, place, depth
        return object_id("tree", content)

    def _put(self, kind: int, base: bytes, data: bytes) -> None:
        size, first = len(data) >> 4, (kind << 4) | (len(data) & 15)
        head = bytearray([first | (0x80 if size else 0)])
        while size:
            head.append((size & 127) | (0x80 if size > 127 else 0))
            size >>= 7
        self._write(bytes(head) + base + zlib.compress(data, 1))

    def _write(self, data: bytes) -> None:
        self._whole.update(data)
        self._size += len(data)
        self._file.write(data)


def object_id(kind: str, content: bytes) -> str:
    """git's name of an object."""
    head = b"%b %d\0" % (kind.encode(), len(content))
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def _distance(offset: int) -> bytes:
    """How far back the base lies, as an OFS_DELTA says it."""
    digits = [offset & 127]
    while offset := offset >> 7:
        offset -= 1
        digits.append(0x80 | (offset & 127))
    return bytes(reversed(digits))


def _delta(base: bytes, content: bytes) -> bytes:
    """`content` as what it has of `base` at its beginning and end, and what is new between."""
    most = min(len(base), len(content))
    head = _same(base, content, most)
    tail = _same(base[::-1], content[::-1], most - head)
    between = content[head : len(content) - tail]
    parts = [_number(len(base)), _number(len(content)), _copy(0, head)]
    parts += [bytes([len(piece)]) + piece for piece in _pieces(between)]
    return b"".join([*parts, _copy(len(base) - tail, tail)])


def _same(one: bytes, other: bytes, most: int) -> int:
    """How many bytes both begin with, at most `most`."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _pieces(data: bytes) -> list[bytes]:
    return [data[start : start + 127] for start in range(0, len(data), 127)]


def _number(value: int) -> bytes:
    digits = bytearray()
    while value > 127:
        digits.append(0x80 | (value & 127))
        value >>= 7
    return bytes([*digits, value])


def _copy(offset: int, size: int) -> bytes:
    """The order to copy from the base (all seven bytes of it said); none where there is nothing."""
    assert size < 1 << 24
    where = struct.pack("<I", offset) + struct.pack("<I", size)[:3]
    return b"\xff" + where if size else b""
