"""Where the books of a manifest lie on a disk, as a shelf to work in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gitshelf.manifest import Manifest
from gitshelf.manifest.books import Book
from gitshelf.manifest.document import Location
from gitshelf.shelf import beneath


@dataclass(frozen=True, slots=True)
class Clone:
    """A book and the work tree of its clone. `inside` are the other books and links in that work
    tree, relative to it; `depth` is the number of books that it lies in itself. Below `top` no link
    is followed to get there."""

    book: Book
    path: Path
    top: Path
    inside: frozenset[str]
    depth: int


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link of the shelf: `path` leads to `target`, as it is written into the link. Below
    `top` no link is followed to get there."""

    place: str
    at: Location
    path: Path
    top: Path
    target: str


@dataclass(frozen=True, slots=True)
class Layout:
    """All clones, parents before children, and all links."""

    clones: tuple[Clone, ...]
    links: tuple[Symlink, ...]


def lay_out(manifest: Manifest, folder: Path, fakeroot: Path | None = None) -> Layout:
    """Where everything goes: relative places into `folder`, absolute ones to where they lead.

    With `fakeroot`, all but places that begin with `./` go under it, and absolute links become
    relative, so that the tree can be moved. A book of one folder of its repository (`path:`) is a
    link into a whole clone beside it, `.NAME.clone`. Raises GitshelfError if that cannot be.
    """
    paths: dict[Path, Book] = {}
    symlinks: list[tuple[str, Location, Path, str]] = []
    for book in manifest.books:
        path = _disk_path(book.written, folder, fakeroot)
        if book.path:
            clone_path = path.with_name(f".{path.name}.clone")
            if not book.place or any(b.place.startswith(book.place + "/") for b in manifest.books):
                raise book.at.error(
                    "a book with `path` is a link when installed, so no book can lie in it",
                    "give the other book a place elsewhere, or leave out `path`",
                )
            symlinks.append((book.place, book.at, path, f"{clone_path.name}/{book.path}"))
            path = clone_path
        paths[path] = book
    for link in manifest.links:
        path = _disk_path(link.written, folder, fakeroot)
        target = link.written_target
        if fakeroot is not None and target.startswith("/"):
            end = _absolute(fakeroot) / target.lstrip("/")
            target = os.path.relpath(end, path.parent)
        symlinks.append((link.place, link.at, path, target))
    shelves = [_absolute(root) for root in (folder, fakeroot) if root is not None]
    tops = {
        path: beneath.top_of(path, shelves, paths)
        for path in [*paths, *(path for _, _, path, _ in symlinks)]
    }
    links = [Symlink(place, at, path, tops[path], target) for place, at, path, target in symlinks]
    inside: dict[Path, set[str]] = {path: set() for path in paths}
    depth = dict.fromkeys(paths, 0)
    for path in [*paths, *(link.path for link in links)]:
        for above in path.parents:
            if above in paths:
                inside[above].add(path.relative_to(above).as_posix())
                if path in depth:
                    depth[path] += 1
    clones = [
        Clone(book, path, tops[path], frozenset(inside[path]), depth[path])
        for path, book in paths.items()
    ]
    clones.sort(key=lambda clone: (clone.depth, clone.book.place.encode()))
    return Layout(tuple(clones), tuple(links))


def _disk_path(written: str, folder: Path, fakeroot: Path | None) -> Path:
    if fakeroot is not None and not written.startswith("."):
        return _absolute(fakeroot / written.lstrip("/"))
    return _absolute(folder / written)


def _absolute(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))


@contextmanager
def locating(clone: Clone) -> Iterator[None]:
    """Errors of the block, the disk's too, say where the clone's book stands in the manifest."""
    try:
        with clone.book.at.locating():
            yield
    except OSError as error:
        message = f"{error.filename or clone.path}: {error.strerror}"
        raise clone.book.at.error(message, "look at the folder and its rights") from None
