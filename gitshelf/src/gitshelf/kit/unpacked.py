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

    Which kit it has to be is said by `digest` (SHA-256 of the release's tar), or by `proof`: the
    kit's lock, what `verify` returned for it, or its file, which is then verified. With neither,
    the folder is compared with the lock and the commits that it brings itself; the digest that is
    returned says which kit it is. Raises Refused, naming the first differences (exactly if `proof`
    is the kit's file, else the book, and files by their times), GitshelfError if something cannot
    be read.
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
        unpacked = _Folder(folder)
        if kit is not None:
            unpacked.compare(kit)
        own_lock = unpacked.own_lock()
        if digest is not None:
            # If nothing is wrong, one pass and one hash are enough.
            actual, size = unpacked.digest(own_lock)
            if actual == digest:
                return Verified(folder, actual, size, own_lock)
        return unpacked.prove(own_lock, proof, digest, kit)
    except OSError as error:
        where = os.fsdecode(error.filename or folder)
        raise GitshelfError(f"{where}: {error.strerror}", "look at it, and its rights") from None


@dataclass(frozen=True, slots=True)
class _Member:
    """One file, folder or link of the folder: its entry with a time of 0; `changed` is when it was
    changed on the disk, in ns."""

    entry: Entry
    changed: int


class _Folder:
    """A folder as a tar. Raises Refused for what no kit holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._top = os.fsencode(folder) + b"/"
        self._members: list[_Member] = []
        todo = [b""]
        while todo:
            with os.scandir(self._top + todo.pop()) as entries:
                for dir_entry in entries:
                    member = self._examine(dir_entry.path[len(self._top) :].lstrip(b"/"), dir_entry)
                    self._members.append(member)
                    if member.entry.kind == tar.FOLDER:
                        todo.append(member.entry.name)
        self._members.sort(key=lambda member: member.entry.name)

    def _examine(self, name: bytes, dir_entry: os.DirEntry[bytes]) -> _Member:
        status = dir_entry.stat(follow_symlinks=False)
        mode, kind = stat.S_IMODE(status.st_mode), stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFLNK:
            mode = 0o755
            entry = Entry(name, tar.LINK, mode, 0, 0, os.readlink(dir_entry.path))  # noqa: PTH115
        elif kind == stat.S_IFDIR:
            entry = Entry(name + b"/", tar.FOLDER, mode, 0, 0)
        elif kind == stat.S_IFREG:
            entry = Entry(name, tar.FILE, mode, status.st_size, 0)
        else:
            raise self._refusal(f"{printable(name)} is neither a file, a folder nor a link")
        return _Member(entry, status.st_mtime_ns)

    def _refusal(self, message: str) -> Refused:
        return Refused(f"{self._folder}: {message}", _REMEDY)

    def compare(self, kit: Table) -> None:
        """Raises Refused, with names, if other paths are there than in the kit, or of another kind,
        mode, size or target."""
        expected = {seen.entry.name: seen.entry for seen in kit.others.values()}
        expected |= {entry.name: entry for entry in kit.folders.values()}
        present = {member.entry.name: member.entry for member in self._members}
        both = expected.keys() & present.keys()
        for names, what in (
            (present.keys() - expected.keys(), "not of the kit"),
            (expected.keys() - present.keys(), "missing"),
            (
                {name for name in both if replace(expected[name], mtime=0) != present[name]},
                "changed",
            ),
        ):
            if names:
                shown = some_of([printable(name) for name in sorted(names)])
                raise self._refusal(f"{what}: {shown}")

    def own_lock(self) -> Lock:
        """The lock in the folder itself. Raises Refused if it has none, or too much in KIT/."""
        kit_entries = [
            member.entry for member in self._members if member.entry.name.startswith(KIT + b"/")
        ]
        lock_entry = next(
            (
                entry
                for entry in kit_entries
                if entry.name == KIT + b"/lock.json" and entry.kind == tar.FILE
            ),
            None,
        )
        if lock_entry is None:
            raise Refused(f"{self._folder}: there is no KIT/lock.json", "this is no unpacked kit")
        if (
            sum(entry.size for entry in kit_entries) > contents.MAX_OWN
            or lock_entry.size > lock.MAX_SIZE
        ):
            raise self._refusal("KIT/ is too big")
        try:
            return lock.parse(self._content(lock_entry))
        except Refused as error:
            raise self._refusal(error.message) from None

    def digest(self, kit_lock: Lock) -> tuple[str, int]:
        """Digest and size of the tar that the folder makes with the times of `kit_lock`."""
        hashed, size = hashlib.sha256(), 0
        for piece in self._tar(kit_lock):
            hashed.update(piece)
            size += len(piece)
        return hashed.hexdigest(), size

    def prove(
        self, own_lock: Lock, expected: Lock | None, digest: str | None, kit: Table | None
    ) -> Verified:
        """Prove the folder by its `own_lock`, which has to be the `expected` one, if any."""
        try:
            reader = Reader(_Pieces(self._tar(own_lock)))
            table = contents.read(reader)
            if kit is not None:
                _compare_contents(table, kit)
            if expected is not None and own_lock != expected:
                raise Refused("KIT/lock.json is not the one of this kit")
            check_table(table, own_lock)
            if digest not in (None, reader.digest):
                raise Refused(f"this is release {reader.digest}, not {digest}")
        except Refused as error:
            late = [
                printable(member.entry.name)
                for member, entry in zip(self._members, self._timed(own_lock), strict=True)
                if entry.kind == tar.FILE and member.changed != entry.mtime * 10**9
            ]
            hint = f" (changed since it was unpacked: {some_of(late)})" if late else ""
            raise self._refusal(error.message + hint) from None
        return Verified(self._folder, reader.digest, reader.offset, own_lock)

    def _timed(self, kit_lock: Lock) -> Iterator[Entry]:
        """The entries with the times that a kit with this lock gives them."""
        times = {lock.raw(book.book): book.time for book in kit_lock.books}
        links = {lock.raw(link.book) for link in kit_lock.links}
        owner = Owners([*times, KIT])
        for member in self._members:
            name = member.entry.name
            folder = name.rpartition(b"/")[0]
            holder = None if name in links else owner.of(folder)
            time = times.get(KIT if holder is None else holder, kit_lock.newest)
            entry = member.entry
            yield Entry(name, entry.kind, entry.mode, entry.size, time, entry.link)

    def _tar(self, kit_lock: Lock) -> Iterator[bytes]:
        """The tar in pieces; several are read side by side."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            waiting: deque[Future[bytes]] = deque()
            for batch in _batches(self._timed(kit_lock)):
                if batch[0].size > _BATCH:
                    yield from (part.result() for part in waiting)
                    waiting.clear()
                    yield tar.header(batch[0])
                    yield from self._read(batch[0])
                    yield tar.padding(batch[0].size)
                    continue
                waiting.append(pool.submit(self._render, batch))
                if len(waiting) > _WORKERS:
                    yield waiting.popleft().result()
            yield from (part.result() for part in waiting)
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
        """A file's content. Raises Refused if it has changed since the folder was listed."""
        handle = os.open(self._top + entry.name, _OPEN)
        try:
            left = entry.size
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                left = -1
            while left > 0 and (piece := os.read(handle, min(left, _BATCH))):
                left -= len(piece)
                yield piece
            if left or os.read(handle, 1):
                raise self._refusal(f"{printable(entry.name)} changes while it is read")
        finally:
            os.close(handle)


def _compare_contents(present: Table, kit: Table) -> None:
    """Raises Refused, with names, for files of the same size that hold something else."""
    changed = [path for path, seen in kit.others.items() if present.others[path].ids != seen.ids]
    changed += [b"KIT/" + name for name, data in kit.own.items() if present.own[name] != data]
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
