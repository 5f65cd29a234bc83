"""Whether a clone is surely as it was installed, from its index and the files' stat data alone.

Says yes only if `git status` would say so too. All else is left to git: files that it does not
track (ignored ones as well), changed stat data, unusual entries, big repositories. The form of the
index: gitformat-index(5), version 2.
"""

from __future__ import annotations

import os
import stat
import struct
from contextlib import suppress
from pathlib import Path

from gitshelf.base import files
from gitshelf.formats import gitobjects
from gitshelf.git.worktree import Facts

_NOTE = b".git/gitshelf-tree"
_INDEX = b".git/index"
_BIG = 1 << 17
_ENTRY = struct.Struct(">10I20sH")
_STAGED_OR_SPECIAL = 0xF000
_LONG_NAME = 0xFFF


def note_tree(path: Path, commit: str, tree: str) -> None:
    """Remember which tree the commit of an installed clone has."""
    files.write(path / os.fsdecode(_NOTE), f"{commit} {tree}\n".encode())


def facts_if_clean(path: Path, inside: frozenset[str]) -> Facts | None:
    """The facts of a clone that surely has no change; None if only git can tell."""
    with suppress(OSError, ValueError, IndexError, struct.error):
        top = os.fsencode(path) + b"/"
        commit, branch = _head(top)
        noted, _, tree = _read(top + _NOTE)[0].decode("ascii").strip().partition(" ")
        if noted != commit or len(commit) != 40:
            return None
        index, written = _read(top + _INDEX)
        names = _unchanged_files(top, index, written, tree)
        if names is not None and _is_alone(top, names, {os.fsencode(place) for place in inside}):
            return Facts(commit, branch, (), ())
    return None


def _read(file: bytes) -> tuple[bytes, int]:
    """A file's content and its time of change in ns. Raises ValueError for a big one."""
    handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if status.st_size > _BIG:
            raise ValueError
        return os.read(handle, status.st_size), status.st_mtime_ns
    finally:
        os.close(handle)


def _head(top: bytes) -> tuple[str, str]:
    head = _read(top + b".git/HEAD")[0].decode().strip()
    if not head.startswith("ref: refs/heads/"):
        return (head, "") if gitobjects.is_id(head) else ("", "")
    tip = _read(top + b".git/" + os.fsencode(head[5:]))[0]
    return tip.decode("ascii").strip(), head[16:]


def _unchanged_files(top: bytes, data: bytes, written: int, tree: str) -> set[bytes] | None:
    """The tracked files, if the index stands for `tree` and every file has its stat data; else
    None."""
    magic, version, count = struct.unpack_from(">4sII", data)
    if magic != b"DIRC" or version != 2:
        return None
    names = set()
    offset = 12
    for _ in range(count):
        ctime, ctime_ns, mtime, mtime_ns, _, ino, mode, _, _, size, _, flags = _ENTRY.unpack_from(
            data, offset
        )
        length = flags & _LONG_NAME
        if flags & _STAGED_OR_SPECIAL or length == _LONG_NAME:
            return None
        name = data[offset + 62 : offset + 62 + length]
        offset += (62 + length + 8) & ~7
        status = os.lstat(top + name)
        mtime_ns += mtime * 10**9
        # A file as young as the index may have changed after git looked at it.
        if mtime_ns >= written or mtime_ns != status.st_mtime_ns:
            return None
        if ctime * 10**9 + ctime_ns != status.st_ctime_ns or size != status.st_size:
            return None
        if ino != status.st_ino & 0xFFFFFFFF or mode != _git_mode(status.st_mode):
            return None
        names.add(name)
    return names if _root(data, offset) == tree else None


def _git_mode(mode: int) -> int:
    if stat.S_ISLNK(mode):
        return 0o120000
    if not stat.S_ISREG(mode):
        return 0
    return 0o100755 if mode & 0o100 else 0o100644


def _root(data: bytes, offset: int) -> str:
    """The tree that the index stands for, "" if it does not say, or if it is a split or sparse
    one: an extension with a name in small letters changes what the entries mean."""
    end = len(data) - 20
    tree = ""
    while offset < end:
        kind, size = struct.unpack_from(">4sI", data, offset)
        body = data[offset + 8 : offset + 8 + size]
        if not kind[:1].isupper():
            return ""
        if kind == b"TREE" and body[:1] == b"\0":
            counts, _, tail = body[1:].partition(b"\n")
            if int(counts.split(b" ")[0]) >= 0:
                tree = tail[:20].hex()
        offset += 8 + size
    return tree


def _is_alone(top: bytes, names: set[bytes], inside: set[bytes]) -> bool:
    """Whether nothing is in the work tree but the tracked files, which are all there, and other
    books: then each folder holds as many names as it should."""
    present = names | {place for place in inside if os.path.lexists(top + place)}
    counts: dict[bytes, int] = {b"": 1}  # .git
    for name in present:
        folder, new = name.rpartition(b"/")[0], True
        while new:
            new = folder not in counts and folder not in present
            counts[folder] = counts.get(folder, 0) + 1
            folder = folder.rpartition(b"/")[0]
    return all(
        _holds(top + folder, count) for folder, count in counts.items() if folder not in inside
    )


def _holds(folder: bytes, count: int) -> bool:
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        return False
    with os.scandir(folder) as entries:
        return sum(1 for _ in entries) == count
