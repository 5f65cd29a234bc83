"""Putting spliced books, links and KIT/ together into the one tar of a release."""

from __future__ import annotations

import hashlib
import os
import zlib
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread

from gitshelf.assembly.chunks import Chunk
from gitshelf.base import files
from gitshelf.base.errors import GitshelfError
from gitshelf.base.threads import Report
from gitshelf.formats import compression, tar, tarreader
from gitshelf.formats.tar import Entry, printable
from gitshelf.kit import links
from gitshelf.kit.contents import MAX_ENTRIES, MAX_OWN
from gitshelf.kit.lock import MAX_SIZE, Lock, raw
from gitshelf.kit.owners import Owners, ancestors
from gitshelf.kit.verification import KIT
from gitshelf.manifest.document import Location

_PIECE = 1 << 20
_AHEAD = 2  # pieces that wait to be hashed


class ChunkDamaged(GitshelfError):
    """A chunk of the cache is not what was written there."""

    def __init__(self, chunk: Chunk) -> None:
        super().__init__(f"{chunk.file} is damaged", "delete it and run again")
        self.chunk = chunk


@dataclass(frozen=True, slots=True)
class Contents:
    """All that goes into a kit: `chunks` and `locations` (in the manifest) by the books' places on
    the shelf, `extras` the files of KIT/ by name, without the lock."""

    lock: Lock
    chunks: Mapping[str, Chunk]
    locations: Mapping[str, Location]
    extras: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of entries: `data`, or `size` bytes of a chunk from `start`; `first` is its order."""

    first: bytes
    data: bytes = b""
    chunk: Chunk | None = None
    start: int = 0
    size: int = 0


def write(contents: Contents, output: Path, report: Report | None = None) -> tuple[str, int]:
    """Write the kit as `output`, at once or not at all; returns its digest and the tar's size.
    `report` gets lines on the progress.

    Raises GitshelfError if two books want the same path, if a book lies under another's
    link, or if a link leads out of its book; ChunkDamaged if the cache is damaged.
    """
    kind = compression.suffix(output)
    pieces = _arrange(contents)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(output, durable=True) as handle:
            sink = compression.compressor(handle, kind)
            with _Digest() as hashed:
                size = _copy(pieces, sink, hashed, kind, report)
            return hashed.hexdigest(), size
    except OSError as error:
        raise GitshelfError(
            f"{output}: the kit cannot be written: {error.strerror}",
            "check its disk and its rights",
        ) from None


class _Digest:
    """A SHA-256 that is made in a thread of its own, as it takes longer than all reading and
    writing; complete once the block has ended."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()
        self._pieces: Queue[bytes | None] = Queue(_AHEAD)
        self._thread = Thread(target=self._work, daemon=True)

    def __enter__(self) -> _Digest:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._pieces.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (data := self._pieces.get()) is not None:
            self._sum.update(data)

    def update(self, data: bytes) -> None:
        """Take `data` in, now or soon."""
        self._pieces.put(data)

    def hexdigest(self) -> str:
        """The digest of all that was taken in."""
        return self._sum.hexdigest()


def _copy(
    pieces: list[_Piece],
    sink: compression.Sink,
    hashed: _Digest,
    kind: str,
    report: Report | None,
) -> int:
    """Write the pieces and the end of the tar; returns its size."""
    size = 0
    sums: dict[Path, int] = {}
    chunks: dict[Path, Chunk] = {}
    for piece in pieces:
        if piece.chunk is None:
            hashed.update(piece.data)
            sink.write(piece.data)
            size += len(piece.data)
            continue
        chunks[piece.chunk.file] = piece.chunk
        crc = sums.get(piece.chunk.file, 0)
        left = piece.size
        try:
            source = os.open(piece.chunk.file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            raise ChunkDamaged(piece.chunk) from None
        try:
            os.lseek(source, piece.start, os.SEEK_SET)
            while left:
                data = os.read(source, min(left, _PIECE))
                if not data:
                    raise ChunkDamaged(piece.chunk)
                crc = zlib.crc32(data, crc)
                hashed.update(data)
                sink.write(data)
                left -= len(data)
                if report:
                    report(f"writing {kind}: {(size + piece.size - left) / 1e6:.0f} MB")
        finally:
            os.close(source)
        size += piece.size
        sums[piece.chunk.file] = crc
    for file, crc in sums.items():
        if crc != chunks[file].crc:
            raise ChunkDamaged(chunks[file])
    hashed.update(tar.END)
    sink.write(tar.END)
    sink.close()
    return size + len(tar.END)


def _arrange(contents: Contents) -> list[_Piece]:
    """Everything in the order of path bytes, each folder before what it holds."""
    lock = contents.lock
    books = {raw(book.book): book for book in lock.books}
    chunks = {raw(book): chunk for book, chunk in contents.chunks.items()}
    link_books = {raw(link.book): raw(link.link) for link in lock.links}
    places = sorted([*books, *link_books, KIT])
    owner = Owners(places)
    times = {place: book.time for place, book in books.items()}
    _check_size(contents)
    pieces = [_Piece(KIT + b"/", _kit_entries(contents))]
    for path, target in link_books.items():
        entry = Entry(path, tar.LINK, 0o755, 0, lock.newest, target)
        pieces.append(_Piece(path, tar.header(entry)))
    made = set(books) | {KIT}
    parents = ancestors({place.rpartition(b"/")[0] for place in places})
    for place, book in books.items():
        chunk = chunks[place]
        inner = _below(place, places)
        if not inner:
            pieces.append(_Piece(place + b"/", chunk=chunk, size=chunk.size))
            continue
        between = {f for f in parents if owner.of(f) == place and f != place}
        cut, own_folders = _cut(chunk, inner, between, contents.locations[book.book])
        pieces += cut
        made |= own_folders
    for folder in parents - made:
        holder = owner.of(folder)
        mtime = times.get(holder, lock.newest) if holder is not None else lock.newest
        name = folder + b"/"
        pieces.append(_Piece(name, tar.header(Entry(name, tar.FOLDER, 0o755, 0, mtime))))
    _check_links(contents, chunks, link_books)
    pieces.sort(key=lambda piece: piece.first)
    return pieces


def _below(place: bytes, places: list[bytes]) -> list[bytes]:
    """Those of the sorted `places` that lie in `place`; `0` is the byte after `/`."""
    if not place:
        return [other for other in places if other]
    return places[bisect_left(places, place + b"/") : bisect_left(places, place + b"0")]


def _cut(
    chunk: Chunk, inner: list[bytes], between: set[bytes], location: Location
) -> tuple[list[_Piece], set[bytes]]:
    """A chunk, cut where the books at `inner` go into it, and which of the folders `between` it and
    them it has itself.

    Raises GitshelfError if an entry of the chunk is in the way of such a book.
    """
    keys = sorted({folder + b"/" for folder in inner} | {f + b"/" for f in between}, reverse=True)
    taken = set(inner)
    pieces: list[_Piece] = []
    own_folders: set[bytes] = set()
    first, start, position = b"", 0, 0
    with chunk.file.open("rb") as handle:
        for name, end in tarreader.names(handle, chunk.size):
            path = name.rstrip(b"/")
            if path in between and name.endswith(b"/"):
                own_folders.add(path)
            elif path in taken or path in between:
                raise location.error(
                    f"its {printable(path)} is in the way of another book",
                    "give that book another place",
                )
            cut = False
            while keys and keys[-1] <= name:
                keys.pop()
                cut = True
            if cut and position > start:
                pieces.append(_Piece(first, chunk=chunk, start=start, size=position - start))
                start = position
            if position == start:
                first = name
            position = end
    pieces.append(_Piece(first, chunk=chunk, start=start, size=position - start))
    return pieces, own_folders


def _kit_entries(contents: Contents) -> bytes:
    mtime = contents.lock.newest
    members = {"lock.json": contents.lock.to_bytes(), **contents.extras}
    members |= {name.partition("/")[0] + "/": b"" for name in members if "/" in name}
    parts = [tar.header(Entry(b"KIT/", tar.FOLDER, 0o755, 0, mtime))]
    for name in sorted(members):
        path = b"KIT/" + name.encode()
        data = members[name]
        if name.endswith("/"):
            parts.append(tar.header(Entry(path, tar.FOLDER, 0o755, 0, mtime)))
        else:
            entry = Entry(path, tar.FILE, 0o644, len(data), mtime)
            parts += (tar.header(entry), data, tar.padding(len(data)))
    return b"".join(parts)


def _check_size(contents: Contents) -> None:
    """Raises GitshelfError for a kit that `verify` would not read."""
    lock_bytes = contents.lock.to_bytes()
    own_size = len(lock_bytes) + sum(map(len, contents.extras.values()))
    number = sum(book.files for book in contents.lock.books)
    for what, size, most in (
        ("bytes in its lock", len(lock_bytes), MAX_SIZE),
        ("bytes in KIT/", own_size, MAX_OWN),
        ("files", number, MAX_ENTRIES),
    ):
        if size > most:
            raise GitshelfError(
                f"the kit would have too many {what}, which no gitshelf reads",
                "make several kits of it, or leave out less by policies (`omit`)",
            )


def _check_links(
    contents: Contents,
    chunks: Mapping[bytes, Chunk],
    link_books: Mapping[bytes, bytes],
) -> None:
    """Links are judged once more on the whole shelf: a book's link may lead through another's."""
    targets = dict(link_books)
    holder: dict[bytes, bytes] = {}
    for place, chunk in chunks.items():
        for path, target in chunk.links.items():
            full = place + b"/" + path if place else path
            targets[full] = target
            holder[full] = place
    for path in targets:
        if links.leaves(path, targets, holder.get(path, b"")):
            book = holder.get(path, path).decode()
            raise contents.locations[book].error(
                f"the link {printable(path)} leads out of its book",
                "correct it in its repository, or write `links: omit`",
            )
