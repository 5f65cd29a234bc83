"""The one way in which a kit writes an entry, and the reader that accepts no other.

Format: POSIX.1-2001 (pax), "ustar Interchange Format". Owner 0:0 without names, modes 0644 and
0755, a pax header only if a name, a link target or a size does not fit, two zero blocks at the
end and nothing after them. Because each entry has exactly one form, the reader renders what it has
understood and compares the bytes: a changed byte in any header or padding is found.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitshelf.base.errors import Refused
from gitshelf.formats import names

BLOCK = 512
END = bytes(2 * BLOCK)
FILE, LINK, FOLDER = b"0", b"2", b"5"
MAX_TIME = 8**11 - 1
"""The last second that a header can hold; later commit times are written as this one."""

_MAX_SIZE = 8**11 - 1
_PIECE = 1 << 20
_PAX_NAME = b"././@PaxHeader"
_PADDING = [bytes(n) for n in range(BLOCK)]


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
    """The header blocks of an entry, the pax header included if one is needed."""
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
    block = _block(name, entry.mode, size, entry.mtime, entry.kind, link=link, prefix=prefix)
    if not records:
        return block
    body = _pax(records)
    return (
        _block(_PAX_NAME, 0o644, len(body), entry.mtime, b"x", link=b"", prefix=b"")
        + body
        + padding(len(body))
        + block
    )


def _block(
    name: bytes, mode: int, size: int, mtime: int, kind: bytes, *, link: bytes, prefix: bytes
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
    """Where ustar can divide a long name into prefix and name; 0 if it cannot."""
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


def writable_time(seconds: int) -> int:
    """A commit time as a header can hold it."""
    return min(max(seconds, 0), MAX_TIME)


def printable(name: bytes) -> str:
    """A name for messages: never a control character or a broken encoding."""
    return "".join(
        c if c.isprintable() else f"\\x{ord(c):02x}"
        for c in name.decode("utf-8", "backslashreplace")
    )


def check_path(path: bytes, *, link: bool = False) -> None:
    """Raises Refused for a path that leads out of the folder it is unpacked in, or that git would
    not check out there; `link`: it is that of a link."""
    if fault := names.path_fault(path, link=link):
        raise Refused(f"the name {printable(path)} {fault}")
