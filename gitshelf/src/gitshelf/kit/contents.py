"""One pass over a kit's tar: its form, order and names, and the id of every file.

Standard library only.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitshelf.base.errors import Refused
from gitshelf.formats import gitobjects, names, tar
from gitshelf.formats.tar import Entry, printable
from gitshelf.formats.tarreader import Reader
from gitshelf.kit import lock

if TYPE_CHECKING:
    from hashlib import _Hash

CONTENT = 0
MAX_OWN = 64 << 20
"""The most that all files of KIT/ hold, in bytes. They are kept until the lock was read."""
MAX_ENTRIES = 500_000
MAX_NAMES = 128 << 20
"""The most that all names and targets of links hold, in bytes."""
_SMALL = 1 << 20
# All that any lock can speak of; which of them a kit has, its own lock says.
_OWN = re.compile(
    rb"lock\.json|manifest\.yml|sbom\.cdx\.json|(?:commits|trees)/(?:[0-9a-f]{40}|[0-9a-f]{64})"
)
_TOO_MUCH = "a kit for the operator of a cloud is smaller: get it again from where it was released"


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry of the tar; `ids` are its blob ids by the length of the id. Of files that may stand
    in the place of an LFS pointer there is also the SHA-256 of what they hold, as CONTENT."""

    entry: Entry
    ids: dict[int, str]


@dataclass(slots=True)
class Table:
    """What a kit holds, by path without trailing slash, in the order of the tar; `own` are the
    files of KIT/. The sizes are those of what was read until now."""

    folders: dict[bytes, Entry] = field(default_factory=dict)
    others: dict[bytes, Seen] = field(default_factory=dict)
    own: dict[bytes, bytes] = field(default_factory=dict)
    own_size: int = 0
    entries: int = 0
    names_size: int = 0

    def count(self, entry: Entry) -> None:
        """Raises Refused if an entry is one too many."""
        self.entries += 1
        self.names_size += len(entry.name) + len(entry.link)
        if self.entries > MAX_ENTRIES or self.names_size > MAX_NAMES:
            raise Refused("it has more entries than gitshelf reads", _TOO_MUCH)


def read(reader: Reader) -> Table:
    """One pass over the tar: form, order and names, and the id of every file.

    Takes no more memory than the limits above allow, whatever the tar is. Raises Refused.
    """
    table = Table()
    # Until the lock is read, each kind of id may be asked for.
    widths: tuple[int, ...] = (40, 64, CONTENT)
    big: frozenset[bytes] = frozenset()
    last = b""
    while (entry := reader.entry()) is not None:
        name = entry.name
        path = name
        if name <= last:
            raise Refused(f"{printable(name)} is not in the kit's order")
        last = name
        table.count(entry)
        if entry.kind == tar.FOLDER:
            path = name[:-1]
            if name[-1:] != b"/" or entry.mode != 0o755 or path in table.others:
                raise Refused(f"the folder {printable(name)} is not as gitshelf writes it")
            tar.check_path(path)
            table.folders[path] = entry
            continue
        if path in table.others or path[-1:] == b"/":
            raise Refused(f"{printable(name)} is there twice")
        # Every folder has an entry before what it holds, so its name was checked already.
        folder, _, base = path.rpartition(b"/")
        if folder and folder not in table.folders:
            raise Refused(f"{printable(name)} lies under something that is not a folder")
        if fault := names.fault(base, link=entry.kind == tar.LINK):
            raise Refused(f"the name {printable(name)} {fault}")
        if entry.kind == tar.LINK:
            if entry.mode != 0o755 or not entry.link or b"\0" in entry.link:
                raise Refused(f"the link {printable(name)} is not as gitshelf writes it")
            ids = {w: _blob(entry.link, w) for w in widths if w != CONTENT}
        elif path.startswith(b"KIT/"):
            data = _own_file(reader, entry, table)
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


def _own_file(reader: Reader, entry: Entry, table: Table) -> bytes:
    """Read a file of KIT/ into the table."""
    name = entry.name.removeprefix(b"KIT/")
    if not _OWN.fullmatch(name):
        raise Refused(f"{printable(entry.name)} should not be there")
    table.own_size += entry.size
    if table.own_size > MAX_OWN or (name == b"lock.json" and entry.size > lock.MAX_SIZE):
        raise Refused(f"KIT/ is too big, at {printable(entry.name)}", _TOO_MUCH)
    data = table.own[name] = b"".join(reader.content(entry))
    return data


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
    hashes = {w: _hasher(entry.size, w) for w in widths}
    for piece in reader.content(entry):
        for file_hash in hashes.values():
            file_hash.update(piece)
    return {w: file_hash.hexdigest() for w, file_hash in hashes.items()}


def _hasher(size: int, width: int) -> _Hash:
    if width == CONTENT:
        return hashlib.sha256()
    return gitobjects.hasher("blob", size, "0" * width)
