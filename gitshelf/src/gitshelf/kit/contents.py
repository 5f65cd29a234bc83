"""One pass over a kit's tar: its form, order and names, and the id of every file.

Standard library only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitshelf.base.errors import Refused
from gitshelf.formats import gitobjects, tar
from gitshelf.formats.tar import Entry, printable
from gitshelf.formats.tarreader import Reader
from gitshelf.kit import lock

if TYPE_CHECKING:
    from hashlib import _Hash

CONTENT = 0
_SMALL = 1 << 20
_MAX_KIT_FILE = 256 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry of the tar; `ids` are its blob ids by the length of the id. Of files that may stand
    in the place of an LFS pointer there is also the SHA-256 of what they hold, as CONTENT."""

    entry: Entry
    ids: dict[int, str]


@dataclass(slots=True)
class Table:
    """What a kit holds, by path without trailing slash, in the order of the tar."""

    folders: dict[bytes, Entry] = field(default_factory=dict)
    others: dict[bytes, Seen] = field(default_factory=dict)
    own: dict[bytes, bytes] = field(default_factory=dict)


def read(reader: Reader) -> Table:
    """One pass over the tar: form, order and names, and the id of every file."""
    table = Table()
    # Until the lock is read, anything may be.
    widths: tuple[int, ...] = (40, 64, CONTENT)
    big: frozenset[bytes] = frozenset()
    last = b""
    while (entry := reader.entry()) is not None:
        name = entry.name
        path = name
        if name <= last:
            raise Refused(f"{printable(name)} is not in the kit's order")
        last = name
        if entry.kind == tar.FOLDER:
            path = name[:-1]
            if name[-1:] != b"/" or entry.mode != 0o755 or path in table.others:
                raise Refused(f"the folder {printable(name)} is not as gitshelf writes it")
            _check_path(path)
            table.folders[path] = entry
            continue
        if path in table.others or path[-1:] == b"/":
            raise Refused(f"{printable(name)} is there twice")
        # Every folder has an entry before what it holds, so its name was checked already.
        folder, _, base = path.rpartition(b"/")
        if folder and folder not in table.folders:
            raise Refused(f"{printable(name)} lies under something that is not a folder")
        if base in (b"", b".", b"..") or b"\0" in base:
            _check_path(path)
        if entry.kind == tar.LINK:
            if entry.mode != 0o755 or not entry.link or b"\0" in entry.link:
                raise Refused(f"the link {printable(name)} is not as gitshelf writes it")
            ids = {w: _blob(entry.link, w) for w in widths if w != CONTENT}
        elif path.startswith(b"KIT/"):
            if entry.size > _MAX_KIT_FILE:
                raise Refused(f"{printable(name)} is too big")
            data = b"".join(reader.content(entry))
            table.own[path[4:]] = data
            ids = {}
            if path == b"KIT/lock.json":
                parsed = lock.parse(data)
                widths = tuple({len(book.commit) for book in parsed.books})
                big = parsed.big
        else:
            ids = _file_ids(reader, entry, (CONTENT,) if path in big else widths)
        if entry.kind == tar.FILE and entry.mode not in (0o644, 0o755):
            raise Refused(f"{printable(name)} has mode {entry.mode:o}")
        table.others[path] = Seen(entry, ids)
    return table


def _check_path(path: bytes) -> None:
    if b"\0" in path or any(part in (b"", b".", b"..") for part in path.split(b"/")):
        raise Refused(f"the name {printable(path)} leads outside the shelf")


def _blob(content: bytes, width: int) -> str:
    if width == CONTENT:
        return hashlib.sha256(content).hexdigest()
    start = b"blob %d\0" % len(content)
    if width == 40:
        return hashlib.sha1(start + content, usedforsecurity=False).hexdigest()
    return hashlib.sha256(start + content).hexdigest()


def _file_ids(reader: Reader, entry: Entry, widths: tuple[int, ...]) -> dict[int, str]:
    if entry.size <= _SMALL:
        data = reader.small(entry)
        return {w: _blob(data, w) for w in widths}
    hashed = {w: _hasher(entry.size, w) for w in widths}
    for piece in reader.content(entry):
        for one in hashed.values():
            one.update(piece)
    return {w: one.hexdigest() for w, one in hashed.items()}


def _hasher(size: int, width: int) -> _Hash:
    if width == CONTENT:
        return hashlib.sha256()
    return gitobjects.hasher("blob", size, "0" * width)
