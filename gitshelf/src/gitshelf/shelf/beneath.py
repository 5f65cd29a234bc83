"""Reaching a place on a shelf without following a link that lies on the way.

The owner of a book decides what links it has, and so would decide where books that lie in it are
written. Each part of a place is opened in the one before it, right before something is made,
renamed or removed there; from then on that open folder is meant, whatever its path becomes.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitshelf.base.errors import GitshelfError

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class BehindLink(GitshelfError):
    """A place lies behind a link of the shelf, so that nothing is done there."""

    def __init__(self, link: Path) -> None:
        super().__init__(
            f"{link} is a link, and nothing is written or removed through a link",
            "give the book a place elsewhere, or take the link out",
        )


def top_of(path: Path, shelves: Iterable[Path], books: Iterable[Path]) -> Path:
    """The folder below which no link on the way to `path` is followed: the one of `shelves` that it
    lies in; else the folder of the outermost of the `books` that it lies in. What is above is the
    machine's."""
    for shelf in shelves:
        if shelf in path.parents:
            return shelf
    holding = [book for book in books if book in path.parents]
    return min([path, *holding], key=lambda book: len(book.parts)).parent


def link_above(top: Path, path: Path) -> Path | None:
    """The first link on the way from `top` to `path`, both left out; None if there is none."""
    way = [top / part for part in reversed(path.relative_to(top).parents) if part != Path()]
    return next((folder for folder in way if folder.is_symlink()), None)


def check(top: Path, path: Path) -> None:
    """Raises BehindLink if there is a link on the way from `top` to `path`."""
    if link := link_above(top, path):
        raise BehindLink(link)


@contextmanager
def reached(top: Path, path: Path, *, make: bool = False) -> Iterator[Path]:
    """The same place as `path`, by way of an open folder: whatever its path becomes, who uses what
    this yields, other programs included, is where the way from `top` led to. With `make`, missing
    folders are made.

    Errors of the block speak of `path`. Raises BehindLink if there is a link on the way, OSError
    if there is no way.
    """
    if make:
        top.mkdir(parents=True, exist_ok=True)
    handle = os.open(top, _OPEN)
    try:
        here = top
        for part in path.parent.relative_to(top).parts:
            here /= part
            handle = _step(handle, part, here, make=make)
        # By this process's number, so that programs that it starts find it, too.
        opened = f"/proc/{os.getpid()}/fd/{handle}"
        with _speaking_of(opened, os.fspath(path.parent)):
            yield Path(opened) / path.name
    finally:
        os.close(handle)


def _step(handle: int, part: str, here: Path, *, make: bool) -> int:
    """Open the folder `part` of the open folder `handle`, which is then closed."""
    if make:
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=handle)
    try:
        inner = os.open(part, _OPEN | os.O_NOFOLLOW, dir_fd=handle)
    except OSError as error:
        with suppress(OSError):
            if stat.S_ISLNK(os.lstat(part, dir_fd=handle).st_mode):
                raise BehindLink(here) from None
        raise OSError(error.errno, error.strerror, os.fspath(here)) from None
    os.close(handle)
    return inner


@contextmanager
def _speaking_of(opened: str, folder: str) -> Iterator[None]:
    """Errors of the block name `folder` where they say `opened`."""

    def with_folder(value: object) -> object:
        pattern = re.escape(opened) + r"\b"
        return re.sub(pattern, lambda _: folder, value) if isinstance(value, str) else value

    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = with_folder(error.filename), with_folder(error.filename2)
        raise
    except GitshelfError as error:
        error.message = str(with_folder(error.message))
        error.remedy = str(with_folder(error.remedy))
        error.args = (error.message,)
        raise
    except Exception as error:
        error.args = tuple(with_folder(argument) for argument in error.args)
        raise


def remove_empty(top: Path, path: Path) -> None:
    """Remove the folders between `top` and `path` that are empty, inner ones first."""
    with suppress(OSError, BehindLink):
        for folder in path.parents:
            if top not in folder.parents:
                break
            with reached(top, folder) as place:
                place.rmdir()
