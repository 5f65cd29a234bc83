"""Whether the folder that a kit was unpacked into is still what was proved.

All that the kit's tar holds is in the folder, or follows from its lock. So the tar is rendered anew
from the folder: its digest, or what `verify` says of it, leaves room for nothing else. Standard
library only, because this module also runs where a kit is deployed (see verifier_zip).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.base.printable import some_of
from gitshelf.formats import tar
from gitshelf.formats.tar import Entry, printable
from gitshelf.formats.tarreader import Reader
from gitshelf.kit import contents, lock
from gitshelf.kit.contents import Table
from gitshelf.kit.lock import Lock
from gitshelf.kit.owners import Owners
from gitshelf.kit.verification import KIT, Verified, check_table, read_and_prove

_WORKERS = 4
_BATCH = 1 << 20  # bytes that are read at a time
_BATCH_ENTRIES = 256
_REMEDY = "remove the folder, and unpack the kit again"
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def verify_folder(
    folder: Path, proof: Lock | Verified | Path | None = None, *, digest: str | None = None
) -> Verified:
    """Prove that `folder` holds an unpacked kit as it was: every file, mode and link, and nothing
    else. Times of files do not count.

    Which kit says `digest` (SHA-256 of the release's tar), or `proof`: the kit's lock, what
    `verify` gave for it, or its file, which is verified then. With neither, the folder is compared
    with the lock and the commits that it brings itself; the digest that is returned says which kit
    it is. Raises Refused, naming the first differences (exactly if `proof` is the kit's file, else
    the book, and files by their times), GitshelfError if something cannot be read.
    """
    folder = Path(folder)
    kit: Table | None = None
    if isinstance(proof, Path):
        proof, kit = read_and_prove(proof, digest=digest)
    if isinstance(proof, Verified):
        if digest not in (None, proof.digest):
            raise Refused(f"{proof.path}: this is release {proof.digest}, not {digest}")
        digest, proof = proof.digest, proof.lock
    try:
        there = _Folder(folder)
        if kit is not None:
            there.compare(kit)
        own = there.own_lock()
        if digest is not None:
            # All is said with one pass and one hash; only what is wrong needs more.
            actual, size = there.digest(own)
            if actual == digest:
                return Verified(folder, actual, size, own)
        return there.prove(own, proof, digest, kit)
    except OSError as error:
        where = os.fsdecode(error.filename or folder)
        raise GitshelfError(f"{where}: {error.strerror}", "look at it, and its rights") from None


@dataclass(frozen=True, slots=True)
class _Found:
    """What is in the folder: its entry, but for the time; `changed` is its own, in ns."""

    entry: Entry
    changed: int


class _Folder:
    """A folder as a tar. Raises Refused for what no kit holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._top = os.fsencode(folder) + b"/"
        self._found: list[_Found] = []
        todo = [b""]
        while todo:
            with os.scandir(self._top + todo.pop()) as entries:
                for one in entries:
                    found = self._look(one.path[len(self._top) :].lstrip(b"/"), one)
                    self._found.append(found)
                    if found.entry.kind == tar.FOLDER:
                        todo.append(found.entry.name)
        self._found.sort(key=lambda one: one.entry.name)

    def _look(self, name: bytes, one: os.DirEntry[bytes]) -> _Found:
        about = one.stat(follow_symlinks=False)
        mode, kind = stat.S_IMODE(about.st_mode), stat.S_IFMT(about.st_mode)
        if kind == stat.S_IFLNK:
            mode = 0o755
            entry = Entry(name, tar.LINK, mode, 0, 0, os.readlink(one.path))  # noqa: PTH115
        elif kind == stat.S_IFDIR:
            entry = Entry(name + b"/", tar.FOLDER, mode, 0, 0)
        elif kind == stat.S_IFREG:
            entry = Entry(name, tar.FILE, mode, about.st_size, 0)
        else:
            raise self._refused(f"{printable(name)} is neither a file, a folder nor a link")
        return _Found(entry, about.st_mtime_ns)

    def _refused(self, message: str) -> Refused:
        return Refused(f"{self._folder}: {message}", _REMEDY)

    def compare(self, kit: Table) -> None:
        """Raises Refused, with names, if other paths are there than in the kit, or of another kind,
        mode, size or target."""
        wanted = {seen.entry.name: seen.entry for seen in kit.others.values()}
        wanted |= {entry.name: entry for entry in kit.folders.values()}
        there = {one.entry.name: one.entry for one in self._found}
        both = wanted.keys() & there.keys()
        for names, what in (
            (there.keys() - wanted.keys(), "not of the kit"),
            (wanted.keys() - there.keys(), "missing"),
            ({name for name in both if replace(wanted[name], mtime=0) != there[name]}, "changed"),
        ):
            if names:
                shown = some_of([printable(name) for name in sorted(names)])
                raise self._refused(f"{what}: {shown}")

    def own_lock(self) -> Lock:
        """The lock that the folder brings. Raises Refused if it has none, or too much in KIT/."""
        own = [one.entry for one in self._found if one.entry.name.startswith(KIT + b"/")]
        wanted = next(
            (e for e in own if e.name == KIT + b"/lock.json" and e.kind == tar.FILE), None
        )
        if wanted is None:
            raise Refused(f"{self._folder}: there is no KIT/lock.json", "this is no unpacked kit")
        if sum(entry.size for entry in own) > contents.MAX_OWN or wanted.size > lock.MAX_SIZE:
            raise self._refused("KIT/ is too big")
        try:
            return lock.parse(self._content(wanted))
        except Refused as error:
            raise self._refused(error.message) from None

    def digest(self, by: Lock) -> tuple[str, int]:
        """Digest and size of the tar that the folder is, by its lock's times."""
        hashed, size = hashlib.sha256(), 0
        for piece in self._tar(by):
            hashed.update(piece)
            size += len(piece)
        return hashed.hexdigest(), size

    def prove(
        self, own: Lock, wanted: Lock | None, digest: str | None, kit: Table | None
    ) -> Verified:
        """Prove the folder by its `own` lock, which has to be the one that is `wanted`, if any."""
        try:
            reader = Reader(_Pieces(self._tar(own)))
            table = contents.read(reader)
            if kit is not None:
                _compare_contents(table, kit)
            if wanted is not None and own != wanted:
                raise Refused("KIT/lock.json is not the one of this kit")
            check_table(table, own)
            if digest not in (None, reader.digest):
                raise Refused(f"this is release {reader.digest}, not {digest}")
        except Refused as error:
            late = [
                printable(one.entry.name)
                for one, entry in zip(self._found, self._timed(own), strict=True)
                if entry.kind == tar.FILE and one.changed != entry.mtime * 10**9
            ]
            hint = f" (changed since it was unpacked: {some_of(late)})" if late else ""
            raise self._refused(error.message + hint) from None
        return Verified(self._folder, reader.digest, reader.offset, own)

    def _timed(self, by: Lock) -> Iterator[Entry]:
        """The entries with the times that a kit with this lock gives them."""
        times = {lock.raw(book.book): book.time for book in by.books}
        links = {lock.raw(link.book) for link in by.links}
        owner = Owners([*times, KIT])
        for one in self._found:
            name = one.entry.name
            folder = name.rpartition(b"/")[0]
            holder = None if name in links else owner.of(folder)
            time = times.get(KIT if holder is None else holder, by.newest)
            entry = one.entry
            yield Entry(name, entry.kind, entry.mode, entry.size, time, entry.link)

    def _tar(self, by: Lock) -> Iterator[bytes]:
        """The tar in pieces; several are read side by side."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            waiting: deque[Future[bytes]] = deque()
            for batch in _batches(self._timed(by)):
                if batch[0].size > _BATCH:
                    yield from (one.result() for one in waiting)
                    waiting.clear()
                    yield tar.header(batch[0])
                    yield from self._read(batch[0])
                    yield tar.padding(batch[0].size)
                    continue
                waiting.append(pool.submit(self._render, batch))
                if len(waiting) > _WORKERS:
                    yield waiting.popleft().result()
            yield from (one.result() for one in waiting)
        yield tar.END

    def _render(self, batch: list[Entry]) -> bytes:
        parts: list[bytes] = []
        for entry in batch:
            parts.append(tar.header(entry))
            if entry.size:
                parts += (self._content(entry), tar.padding(entry.size))
        return b"".join(parts)

    def _content(self, entry: Entry) -> bytes:
        return b"".join(self._read(entry))

    def _read(self, entry: Entry) -> Iterator[bytes]:
        """A file's content. Raises Refused if it is not what was looked at any more."""
        handle = os.open(self._top + entry.name, _OPEN)
        try:
            left = entry.size
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                left = -1
            while left > 0 and (piece := os.read(handle, min(left, _BATCH))):
                left -= len(piece)
                yield piece
            if left or os.read(handle, 1):
                raise self._refused(f"{printable(entry.name)} changes while it is read")
        finally:
            os.close(handle)


def _compare_contents(there: Table, kit: Table) -> None:
    """Raises Refused, with names, for files of the same size that hold something else."""
    changed = [path for path, seen in kit.others.items() if there.others[path].ids != seen.ids]
    changed += [b"KIT/" + name for name, data in kit.own.items() if there.own[name] != data]
    if changed:
        raise Refused(f"changed: {some_of([printable(path) for path in changed])}")


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Entries in parts that are worth a thread's while; a big file is one of its own."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and (size + entry.size > _BATCH or len(batch) == _BATCH_ENTRIES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size
    if batch:
        yield batch


class _Pieces:
    """A tar that comes in pieces, as a source to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int, /) -> bytes:
        return next((piece for piece in self._pieces if piece), b"")
