"""The one way in which a kit writes an entry, and the reader that accepts no other.

Format: POSIX.1-2001 (pax), "ustar Interchange Format". Owner 0:0 without names, modes 0644 and
0755, a pax header only where a name, a link target or a size does not fit, two zero blocks at the
end and nothing after them. Because each entry has exactly one form, the reader renders what it has
understood and compares the bytes: a changed byte in any header or padding is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from gitshelf.errors import GitshelfError, Refused

BLOCK = 512
END = bytes(2 * BLOCK)
FILE, LINK, FOLDER = b"0", b"2", b"5"
MAX_TIME = 8**11 - 1
"""The last second that a header can hold; later commit times are written as this one."""

_MAX_SIZE = 8**11 - 1
_PIECE = 1 << 20
_PAX_NAME = b"././@PaxHeader"
_MAX_PAX = 1 << 20
_PADDING = [bytes(n) for n in range(BLOCK)]


class Source(Protocol):
    """Where the bytes of a tar come from; an empty answer is the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; folders' names end with a slash, `size` is in bytes, `mtime` in seconds."""

    name: bytes
    kind: bytes
    mode: int
    size: int
    mtime: int
    link: bytes = b""


def padding(size: int) -> bytes:
    """The zero bytes that follow content of `size` bytes."""
    return _PADDING[-size % BLOCK]


def header(entry: Entry) -> bytes:
    """The header blocks of an entry, the pax header included where one is needed."""
    name, prefix, link = entry.name, b"", entry.link
    records: list[tuple[bytes, bytes]] = []
    if len(name) > 100:
        cut = _split(name)
        if cut:
            prefix, name = name[:cut], name[cut + 1 :]
        else:
            records.append((b"path", name))
            name = name[:100]
    if len(link) > 100:
        records.append((b"linkpath", link))
        link = link[:100]
    size = entry.size
    if size > _MAX_SIZE:
        records.append((b"size", b"%d" % size))
        size = 0
    block = _block(name, entry.mode, size, entry.mtime, entry.kind, link, prefix)
    if not records:
        return block
    body = _pax(records)
    return (
        _block(_PAX_NAME, 0o644, len(body), entry.mtime, b"x", b"", b"")
        + body
        + padding(len(body))
        + block
    )


def _block(
    name: bytes, mode: int, size: int, mtime: int, kind: bytes, link: bytes, prefix: bytes
) -> bytes:
    before = b"%b%07o\x000000000\x000000000\x00%011o\x00%011o\x00" % (
        name.ljust(100, b"\0"),
        mode,
        size,
        mtime,
    )
    after, after_sum = _PLAIN_TAILS[kind] if not link and not prefix else _tail(kind, link, prefix)
    # The sum is taken with the eight bytes of its own field as spaces.
    return b"%b%06o\0 %b" % (before, sum(before) + after_sum + 256, after)


def _tail(kind: bytes, link: bytes, prefix: bytes) -> tuple[bytes, int]:
    """What follows the checksum in a header, and the sum of its bytes."""
    tail = b"%b%bustar\x0000" % (kind, link.ljust(100, b"\0"))
    tail += bytes(64) + b"0000000\x000000000\x00" + prefix.ljust(167, b"\0")
    return tail, sum(tail)


# Most entries have neither a link nor a prefix.
_PLAIN_TAILS = {kind: _tail(kind, b"", b"") for kind in (FILE, LINK, FOLDER, b"x")}


def _split(name: bytes) -> int:
    """Where ustar can divide a long name into prefix and name; 0 where it cannot."""
    cut = name.find(b"/", max(len(name) - 101, 1))
    return cut if 0 < cut <= 155 and cut < len(name) - 1 else 0


def _pax(records: list[tuple[bytes, bytes]]) -> bytes:
    try:
        for _, value in records:
            value.decode("utf-8")
    except UnicodeDecodeError:
        records = [(b"hdrcharset", b"BINARY"), *records]
    body = b""
    for key, value in records:
        fixed = len(key) + len(value) + 3
        length = fixed + len(str(fixed))
        length = fixed + len(str(length))
        body += b"%d %b=%b\n" % (length, key, value)
    return body


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
        """SHA-256 of the tar, in hexadecimal; the whole of it once `entry()` gave None."""
        return self._hash.hexdigest()

    def entry(self) -> Entry | None:
        """The next entry, or None at a proper end."""
        start = self.offset
        block = self._take(BLOCK)
        if block[0] == 0:
            self._end(block)
            return None
        kind = block[156:157]
        seen = block
        records: dict[bytes, bytes] = {}
        if kind == b"x":
            size = self._number(block[124:136], start)
            if size > _MAX_PAX:
                raise self._bad(start)
            body = self._take(size + (-size % BLOCK))
            records = self._records(body[:size], start)
            block = self._take(BLOCK)
            seen += body + block
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
            raise self._bad(start)
        if header(entry) != seen:
            raise self._bad(start)
        return entry

    def content(self, entry: Entry) -> Iterator[bytes]:
        """The content of the entry just read, in pieces of at most 1 MiB."""
        left = entry.size
        while left:
            piece = self._take(min(left, _PIECE))
            left -= len(piece)
            yield piece
        pad = -entry.size % BLOCK
        if pad and self._take(pad) != _PADDING[pad]:
            raise Refused(f"bytes after the content of {printable(entry.name)} are not zero")

    def small(self, entry: Entry) -> bytes:
        """The whole content of the entry just read, which the caller knows to be small."""
        size = entry.size
        pad = -size % BLOCK
        data = self._take(size + pad)
        if pad:
            if data[size:] != _PADDING[pad]:
                raise Refused(f"bytes after the content of {printable(entry.name)} are not zero")
            return data[:size]
        return data

    def _end(self, block: bytes) -> None:
        start = self.offset - BLOCK
        if block + self._take(BLOCK) != END:
            raise self._bad(start)
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
            wanted = size - have
            parts.append(more[:wanted])
            have += len(parts[-1])
            self._position = len(parts[-1])
        return b"".join(parts)

    def _number(self, field: bytes, start: int) -> int:
        try:
            number = int(field[:-1], 8)
        except ValueError:
            number = -1
        if number < 0:
            raise self._bad(start)
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
                if key == b"size":
                    int(value)
            except ValueError:
                raise self._bad(start) from None
            records[key] = value
            body = body[length:]
        return records

    def _bad(self, start: int) -> Refused:
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


def writable_time(seconds: int) -> int:
    """A commit time as a header can hold it."""
    return min(max(seconds, 0), MAX_TIME)


def printable(name: bytes) -> str:
    """A name for messages: never a control character or a broken encoding."""
    return "".join(
        c if c.isprintable() else f"\\x{ord(c):02x}"
        for c in name.decode("utf-8", "backslashreplace")
    )


def check_name(name: bytes) -> None:
    """Refuse a name that does not stay below the folder it is unpacked in."""
    path = name[:-1] if name.endswith(b"/") else name
    parts = path.split(b"/")
    if b"\0" in name or any(part in (b"", b".", b"..") for part in parts):
        raise GitshelfError(f"the name {printable(name)} is outside the shelf")
