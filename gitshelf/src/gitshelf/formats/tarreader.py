"""The reader of a kit's tar: it accepts no other form than the one that `tar` writes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from gitshelf.base.errors import Refused
from gitshelf.formats.names import MAX_PATH
from gitshelf.formats.tar import BLOCK, END, FILE, FOLDER, LINK, Entry, header, padding, printable

_PIECE = 1 << 20
_MAX_PAX = 1 << 20


class Source(Protocol):
    """Where the bytes of a tar come from; an empty answer is the end."""

    def read(self, size: int, /) -> bytes: ...


class Reader:
    """Reads a tar strictly and hashes every byte of it (SHA-256) on the way.

    Call `entry()` and then `content()` (or `skip()`) in turn. Whatever is not the canonical form
    raises Refused with the offset.
    """

    def __init__(self, source: Source, piece: int = _PIECE) -> None:
        self._source = source
        self._piece = piece
        self._buffer = b""
        self._position = 0
        self._consumed = 0
        self._hash = hashlib.sha256()

    @property
    def offset(self) -> int:
        """Bytes of the tar that were read so far."""
        return self._consumed + self._position

    @property
    def _end_offset(self) -> int:
        return self._consumed + len(self._buffer)

    @property
    def digest(self) -> str:
        """SHA-256 of what was read of the tar, in hexadecimal: of all of it once `entry()` returned
        None."""
        return self._hash.hexdigest()

    def entry(self) -> Entry | None:
        """The next entry, or None at a proper end."""
        start = self.offset
        block = self._take(BLOCK)
        if block[0] == 0:
            self._end(block)
            return None
        kind = block[156:157]
        raw_header = block
        records: dict[bytes, bytes] = {}
        if kind == b"x":
            size = self._number(block[124:136], start)
            if size > _MAX_PAX:
                raise self._refusal(start)
            body = self._take(size + (-size % BLOCK))
            records = self._records(body[:size], start)
            block = self._take(BLOCK)
            raw_header += body + block
            kind = block[156:157]
        name = block[:100].split(b"\0", 1)[0]
        prefix = block[345:500].split(b"\0", 1)[0]
        if prefix:
            name = prefix + b"/" + name
        size = self._number(block[124:136], start)
        link = b""
        if kind == LINK:
            link = records.get(b"linkpath", block[157:257].split(b"\0", 1)[0])
        if records:
            name = records.get(b"path", name)
            size = int(records.get(b"size", b"%d" % size))
        entry = Entry(
            name,
            kind,
            self._number(block[100:108], start),
            size,
            self._number(block[136:148], start),
            link,
        )
        if kind not in (FILE, LINK, FOLDER) or (kind != FILE and size):
            raise self._refusal(start)
        if header(entry) != raw_header:
            raise self._refusal(start)
        return entry

    def content(self, entry: Entry) -> Iterator[bytes]:
        """The content of the entry just read, in pieces of at most 1 MiB."""
        left = entry.size
        while left:
            piece = self._take(min(left, _PIECE))
            left -= len(piece)
            yield piece
        pad = -entry.size % BLOCK
        if pad and self._take(pad) != padding(entry.size):
            raise Refused(f"bytes after the content of {printable(entry.name)} are not zero")

    def small(self, entry: Entry) -> bytes:
        """The whole content of the entry just read, which the caller knows to be small."""
        size = entry.size
        pad = -size % BLOCK
        data = self._take(size + pad)
        if pad:
            if data[size:] != padding(entry.size):
                raise Refused(f"bytes after the content of {printable(entry.name)} are not zero")
            return data[:size]
        return data

    def _end(self, block: bytes) -> None:
        start = self.offset - BLOCK
        if block + self._take(BLOCK) != END:
            raise self._refusal(start)
        if self._position != len(self._buffer) or self._source.read(1):
            raise Refused(f"something follows the end of the tar at byte {self.offset}")

    def _take(self, size: int) -> bytes:
        end = self._position + size
        if end <= len(self._buffer):
            data = self._buffer[self._position : end]
            self._position = end
            return data
        parts = [self._buffer[self._position :]]
        have = len(parts[0])
        while have < size:
            more = self._source.read(self._piece)
            if not more:
                raise Refused(
                    f"the tar ends in the middle of an entry, at byte {self._end_offset}",
                    "it was cut off: get it again",
                )
            self._hash.update(more)
            self._consumed += len(self._buffer)
            self._buffer, self._position = more, 0
            needed = size - have
            parts.append(more[:needed])
            have += len(parts[-1])
            self._position = len(parts[-1])
        return b"".join(parts)

    def _number(self, field: bytes, start: int) -> int:
        try:
            number = int(field[:-1], 8)
        except ValueError:
            number = -1
        if number < 0:
            raise self._refusal(start)
        return number

    def _records(self, body: bytes, start: int) -> dict[bytes, bytes]:
        records: dict[bytes, bytes] = {}
        while body:
            digits, _, _ = body.partition(b" ")
            try:
                length = int(digits)
                if not 0 < length <= len(body):
                    raise ValueError
                key, _, value = body[len(digits) + 1 : length - 1].partition(b"=")
                if key == b"size" and not 0 <= int(value) < 2**63:
                    raise ValueError
                if key != b"size" and len(value) > MAX_PATH:
                    raise ValueError
            except ValueError:
                raise self._refusal(start) from None
            records[key] = value
            body = body[length:]
        return records

    def _refusal(self, start: int) -> Refused:
        return Refused(
            f"the header at byte {start} is not one that gitshelf writes",
            "the kit was changed or is not a kit: get it again from where it was released",
        )


def names(handle: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Name and end of each entry in the first `size` bytes, without reading what files hold."""
    position = 0
    while position < size:
        handle.seek(position)
        reader = Reader(handle, BLOCK)
        entry = reader.entry()
        if entry is None:
            return
        position += reader.offset + entry.size + len(padding(entry.size))
        yield entry.name, position
