"""Git objects as bytes: their ids, what commits and trees say, trees rebuilt from files.

Format: git's Documentation/technical/hash-function-transition and gitformat-*; an object's id is
the hash of `TYPE SP SIZE NUL CONTENT`, SHA-1 with 40 hexadecimal digits or SHA-256 with 64.
Standard library only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitshelf.base.errors import Refused
from gitshelf.formats import names
from gitshelf.formats.tar import printable

if TYPE_CHECKING:
    from hashlib import _Hash

TREE, PLAIN, EXECUTABLE, SYMLINK, SUBMODULE = "40000", "100644", "100755", "120000", "160000"
GROUP_WRITABLE = "100664"
"""A mode that git once wrote: carried as 0644 and recorded, so that the tree can be rebuilt."""
REGULAR = (PLAIN, EXECUTABLE, GROUP_WRITABLE)
MODES = (*REGULAR, SYMLINK, SUBMODULE)

_HEX = frozenset("0123456789abcdef")
_TIME_AND_ZONE = re.compile(rb" (-?[0-9]+) [^ ]*$")
_TIME = re.compile(rb" *([0-9]+)")
_DIGITS = 24  # of a time; one with more digits is as far beyond all that can be written


class Unfit(Refused):
    """An object is not as git wants it, or of a kind that git never checks out."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a tree; `path` is relative to it (a single name within one tree object)."""

    path: bytes
    mode: str
    id: str


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit says: its tree, and its committer's time in seconds since 1970; that may be
    any number (tar.writable_time), and is 0 if the line has none."""

    tree: str
    time: int


def is_id(text: str) -> bool:
    """Whether `text` is a full object id."""
    return len(text) in (40, 64) and _HEX.issuperset(text)


def hasher(kind: str, size: int, like: str) -> _Hash:
    """A hash that has seen the header of an object and waits for its content; `like`: any id."""
    start = b"%b %d\0" % (kind.encode(), size)
    if len(like) == 64:
        return hashlib.sha256(start)
    return hashlib.sha1(start, usedforsecurity=False)


def object_id(kind: str, content: bytes, like: str) -> str:
    """The id of an object, in the hash that `like`, any id of its repository, is in."""
    hashed = hasher(kind, len(content), like)
    hashed.update(content)
    return hashed.hexdigest()


def parse_commit(content: bytes) -> Commit:
    """Read a raw commit. Raises Unfit if git would not take it for one."""
    first, *others = content.partition(b"\n\n")[0].split(b"\n")
    tree = first.removeprefix(b"tree ").decode("ascii", "replace")
    if first[:5] != b"tree " or not is_id(tree):
        raise Unfit("a commit object cannot be read")
    committer = next((line for line in others if line.startswith(b"committer ")), b"")
    # Before the zone, whatever stands in the place of name and address; else as git reads it.
    seconds = _TIME_AND_ZONE.search(committer) or _TIME.match(committer.rpartition(b">")[2])
    return Commit(tree, int(seconds[1][:_DIGITS]) if seconds else 0)


def parse_tag(content: bytes) -> tuple[str, str]:
    """The id and the type of what an annotated tag names."""
    fields = dict(line.partition(b" ")[::2] for line in content.split(b"\n")[:2])
    target, kind = fields.get(b"object", b"").decode("ascii", "replace"), fields.get(b"type", b"")
    if not is_id(target):
        raise Unfit("a tag object cannot be read")
    return target, kind.decode("ascii", "replace")


def parse_tree(content: bytes, like: str) -> list[Item]:
    """Read a raw tree. Raises Unfit if git's own rules for names and order are not kept, or if it
    has a name that git never checks out."""
    width = len(like) // 2
    items = []
    position, end = 0, len(content)
    last = b""
    seen = set()
    try:
        while position < end:
            space = content.index(b" ", position)
            stop = content.index(b"\0", space)
            mode = content[position:space].decode("ascii")
            name = content[space + 1 : stop]
            position = stop + 1 + width
            items.append(Item(name, mode, content[stop + 1 : position].hex()))
            key = name + b"/" if mode == TREE else name
            if key <= last or name in seen:
                raise ValueError
            if fault := names.fault(name, link=mode == SYMLINK):
                raise Unfit(f"{printable(name)} in a tree object {fault}")
            last = key
            seen.add(name)
    except ValueError:
        raise Unfit("a tree object breaks git's rules for names and order") from None
    if position != end:
        raise Unfit("a tree object is cut off")
    return items


def subfolder(items: Iterable[Item], name: bytes) -> str | None:
    """The id of the folder `name` in a tree; None if it has no such folder."""
    return next((item.id for item in items if (item.path, item.mode) == (name, TREE)), None)


def tree_id(items: Iterable[Item], like: str) -> str:
    """The id of the tree that holds `items` (files, links, submodules; sorted by path bytes).

    The order of full paths is git's order of entries, because folders sort with their slash.
    """
    open_folders: list[tuple[bytes, bytearray]] = [(b"", bytearray())]

    def close() -> None:
        path, content = open_folders.pop()
        name = path[:-1].rpartition(b"/")[2]
        raw = bytes.fromhex(object_id("tree", bytes(content), like))
        open_folders[-1][1].extend(b"40000 %b\0%b" % (name, raw))

    for item in items:
        cut = item.path.rfind(b"/") + 1
        folder = item.path[:cut]
        while not folder.startswith(open_folders[-1][0]):
            close()
        start = len(open_folders[-1][0])
        while start < cut:
            start = folder.index(b"/", start) + 1
            open_folders.append((folder[:start], bytearray()))
        open_folders[-1][1].extend(
            b"%b %b\0%b" % (item.mode.encode(), item.path[cut:], bytes.fromhex(item.id))
        )
    while len(open_folders) > 1:
        close()
    return object_id("tree", bytes(open_folders[0][1]), like)


def content_digest(items: Iterable[Item]) -> str:
    """SHA-256 over what is carried of a book: `MODE SP ID TAB PATH NUL` for each file and link.

    Unlike the tree's id it changes with what is omitted; unlike the kit's digest it does not
    change with the place on the shelf or the commit's time.
    """
    hashed = hashlib.sha256()
    for item in items:
        hashed.update(b"%b %b\t%b\0" % (item.mode.encode(), item.id.encode(), item.path))
    return hashed.hexdigest()
