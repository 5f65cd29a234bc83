"""One side of a comparison: a manifest, a lock or a kit, as commits by place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitshelf import git, manifest
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.formats import compression, tar
from gitshelf.formats.tarreader import Reader
from gitshelf.kit import lock
from gitshelf.kit.lock import REFUSE
from gitshelf.manifest import Manifest
from gitshelf.manifest.document import Location

_KITS = (".tar", ".tar.gz", ".tar.zst")


@dataclass(frozen=True, slots=True)
class ShelfBook:
    """A book of one side: `ref` is a full id or, in a manifest, the name of a branch or tag; `url`
    is "" if nothing says it; `link` the target of a book that is a link, `submodules` its policy
    for submodules."""

    ref: str
    url: str
    path: str
    at: Location
    link: str = ""
    submodules: str = REFUSE


@dataclass(frozen=True, slots=True)
class Side:
    """What one side holds, by place on the shelf."""

    name: str
    books: dict[str, ShelfBook]


def read(
    source: str, *, environment: str | None = None, tokens: Mapping[str, str] | None = None
) -> Side:
    """Read a manifest (a file, or `REVISION:FILE` of the git repository here), a kit, the folder
    of an unpacked kit, or a `lock.json` with its `manifest.yml` beside it.

    Kits are verified. Raises GitshelfError if it is none of these, Refused for a bad kit.
    """
    file = Path(source)
    if file.is_dir() and (file / "KIT" / "lock.json").is_file():
        file = file / "KIT" / "lock.json"

    def parse(data: bytes, name: Path, folder: Path) -> Manifest:
        return manifest.parse(
            data, name, environment=environment, tokens=tokens, here=_here(folder)
        )

    if file.is_file() and file.name.endswith(_KITS):
        data, origin = _read_kit(file)
        return _lock_side(source, data, parse(origin, Path("KIT/manifest.yml"), Path.cwd()))
    if file.is_file() and file.suffix == ".json":
        manifest_file = file.with_name("manifest.yml")
        origins = None
        if manifest_file.is_file():
            origins = parse(_read_bytes(manifest_file), Path(manifest_file.name), Path.cwd())
        return _lock_side(source, _read_bytes(file), origins)
    if not file.exists() and ":" in source:
        data, name = _read_revision(source)
        return _manifest_side(source, parse(data, name, name.parent))
    return _manifest_side(source, parse(_read_bytes(file), file, file.absolute().parent))


def _here(folder: Path) -> Callable[[], str]:
    return lambda: git.toplevel(folder)


def _read_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as handle:
            return handle.read(lock.MAX_SIZE + 1)
    except OSError as error:
        raise GitshelfError(
            f"{file}: {error.strerror}", "name a manifest, a lock or a kit"
        ) from None


def _read_revision(source: str) -> tuple[bytes, Path]:
    """A manifest out of git's history, and its path in the work tree; in a bare repository, which
    has none, its path from the current folder."""
    here = Path.cwd()
    revision, _, path = source.partition(":")
    if revision.startswith("-"):
        raise GitshelfError(f"{source} is not a file", "name a manifest, a lock or a kit")
    result = git.run_in(here, ["cat-file", "blob", source])
    if not result.ok:
        raise git.not_owned(here, result.err) or GitshelfError(
            f"{source} is neither a file nor in git ({git.last_line(result.err)})",
            "name a manifest, a lock or a kit; paths after `:` begin at the top of the repository",
        )
    toplevel = git.run_in(here, ["rev-parse", "--show-toplevel"])
    top = Path(os.fsdecode(toplevel.out.removesuffix(b"\n"))) if toplevel.ok else here
    return result.out, (here if path.startswith((".", "..")) else top) / path


def _manifest_side(name: str, parsed: Manifest) -> Side:
    books = {
        book.place: ShelfBook(
            book.branch, book.url, book.path, book.at, submodules=book.policies.submodules
        )
        for book in parsed.books
    }
    books.update((link.place, ShelfBook("", "", "", link.at, link.target)) for link in parsed.links)
    return Side(name, books)


def _lock_side(name: str, data: bytes, origins: Manifest | None) -> Side:
    parsed = lock.parse(data)
    urls = {book.place: book.url for book in origins.books} if origins else {}
    # A submodule follows from the commit of its book.
    outer_books = [book for book in parsed.books if book.within is None]
    books = {
        book.book: ShelfBook(
            book.commit,
            urls.get(book.book, ""),
            book.path,
            Location(name, 1, book.book),
            submodules=book.policies.submodules,
        )
        for book in outer_books
    }
    for link in parsed.links:
        books[link.book] = ShelfBook("", "", "", Location(name, 1, link.book), link.link)
    return Side(name, books)


def _read_kit(file: Path) -> tuple[bytes, bytes]:
    """The lock and the manifest of a kit that was verified."""
    from gitshelf.kit.verification import verify

    try:
        verify(file)
    except Refused as error:
        where = "" if error.message.startswith(str(file)) else f"{file}: "
        raise Refused(where + error.message, error.remedy or "get the kit again") from None
    members: dict[bytes, bytes] = {}
    names = (b"KIT/lock.json", b"KIT/manifest.yml")
    with compression.open_tar(file) as source:
        reader = Reader(source)
        while len(members) < len(names) and (entry := reader.entry()) is not None:
            if entry.kind == tar.FILE:
                data = b"".join(reader.content(entry)) if entry.name in names else b""
                if entry.name in names:
                    members[entry.name] = data
                else:
                    for _ in reader.content(entry):
                        pass
    if len(members) < len(names):
        raise Refused(f"{file} has no lock", "this is not a kit")
    return members[names[0]], members[names[1]]
