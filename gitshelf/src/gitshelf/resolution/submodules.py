"""Submodules that a kit carries: what `.gitmodules` says of them, as books in their book.

Format: gitmodules(5). A relative URL is taken from the book's own, as `git submodule` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitshelf import git
from gitshelf.formats import gitobjects, tar
from gitshelf.formats.gitobjects import Item
from gitshelf.git import urls
from gitshelf.git.reader import ObjectReader
from gitshelf.kit import lock
from gitshelf.manifest.books import Book
from gitshelf.manifest.document import Location

_FILE = b".gitmodules"
_MAX_FILE = 1 << 20
_MAX_DEPTH = 20
_ELSE = "pin a commit that has it, or write `submodules: omit` in the book"


@dataclass(frozen=True, slots=True)
class Submodule:
    """A submodule at `path` in its book, at its recorded commit; `url` is as in .gitmodules."""

    path: bytes
    commit: str
    url: str


def read(
    reader: ObjectReader, root: str, path: str, gitlinks: Sequence[Item], location: Location
) -> tuple[Submodule, ...]:
    """The submodules that `gitlinks` (relative to the folder `path` of the tree `root`) are.

    Raises GitshelfError, with their names, for those that .gitmodules gives no URL.
    """
    if not gitlinks:
        return ()
    url_of = _urls(_content(reader, root, location), location)
    prefix = lock.raw(path) + b"/" if path else b""
    missing = [item.path for item in gitlinks if not url_of.get(prefix + item.path)]
    if missing:
        names = ", ".join(tar.printable(name) for name in missing[:5])
        raise location.error(f"its .gitmodules has no URL for the submodule {names}", _ELSE)
    return tuple(Submodule(i.path, i.id, url_of[prefix + i.path]) for i in gitlinks)


def _content(reader: ObjectReader, root: str, location: Location) -> bytes:
    ((_, tree),) = reader.read([root])
    for item in gitobjects.parse_tree(tree, root):
        if item.path == _FILE and item.mode in gitobjects.REGULAR:
            for _, size in reader.headers([item.id]):
                if size <= _MAX_FILE:
                    return reader.content(size)
                raise location.error("its .gitmodules is too big", _ELSE)
    raise location.error("it has submodules, but no file .gitmodules", _ELSE)


def _urls(content: bytes, location: Location) -> dict[bytes, str]:
    """The URL of each submodule by its path in the repository."""
    result = git.run(["config", "--file", "-", "--list", "-z"], input=content)
    if not result.ok:
        raise location.error(f".gitmodules cannot be read ({git.last_line(result.err)})", _ELSE)
    paths: dict[bytes, bytes] = {}
    found: dict[bytes, bytes] = {}
    for pair in result.out.split(b"\0"):
        key, _, value = pair.partition(b"\n")
        section, _, rest = key.partition(b".")
        name, _, variable = rest.rpartition(b".")
        if section == b"submodule" and variable == b"path":
            paths[name] = value
        elif section == b"submodule" and variable == b"url":
            found[name] = value
    return {path: lock.text(found.get(name, b"")) for name, path in paths.items()}


def books(
    above: Iterable[tuple[Book, Sequence[Submodule]]], taken: dict[str, Location]
) -> list[Book]:
    """The books that the submodules of some books are; `taken` are the places so far, those of
    links with a slash behind them; theirs are added. Raises GitshelfError for a URL that no book
    may have, and for a place that is taken or that a kit cannot have."""
    books_inside = []
    for parent, several in above:
        for one in several:
            books_inside.append(_book(parent, one, taken))
            taken[books_inside[-1].place] = books_inside[-1].at
    return books_inside


def _book(parent: Book, one: Submodule, taken: Mapping[str, Location]) -> Book:
    shown = tar.printable(one.path)
    at = Location(parent.at.file, parent.at.line, f"{parent.at.book}: submodule {shown}")
    path = f"{parent.place}/{lock.text(one.path)}" if parent.place else lock.text(one.path)
    if not shown.isprintable() or shown.encode() != one.path or path.split("/")[0] == "KIT":
        raise at.error("a kit has no place for that name", _ELSE)
    if at.book.count(": submodule ") > _MAX_DEPTH:
        raise at.error("its submodules lie in each other too deeply", _ELSE)
    folders = [path[:at] + "/" for at, c in enumerate(path) if c == "/"] + [path + "/"]
    for name in (path, *folders):
        if name in taken:
            raise at.error(
                f"its place {path} is taken by the book of line {taken[name].line}",
                "remove that book, or write `submodules: omit` in this one",
            )
    url = _url(parent, one.url, at)
    relative = one.url.startswith(("./", "../"))
    origin = f"{parent.origin}/{one.url}" if relative and "{here}" in parent.origin else url
    return Book(
        place=path,
        url=url,
        branch=one.commit,
        path="",
        track="",
        tag="",
        policies=parent.policies,
        origin=origin,
        at=at,
        written=path,
        skip_url_check=parent.skip_url_check,
        within=parent.place,
    )


def _url(parent: Book, written: str, at: Location) -> str:
    shown = urls.hide_password(written)
    try:
        return urls.check_inner_url(absolute_url(parent.url, written), parent.url)
    except ValueError as error:
        raise at.error(
            f"the URL {shown} {error}",
            "correct .gitmodules in its repository, write `submodules: omit`, or map the URL with "
            "git's `url.<base>.insteadOf`",
        ) from None


def absolute_url(base: str, url: str) -> str:
    """A URL of .gitmodules as seen from the repository `base`. Raises ValueError if it leads
    above what `base` names."""
    if not url.startswith(("./", "../")):
        return url
    left = base.rstrip("/")
    between = "/"
    while True:
        if url.startswith("./"):
            url = url[2:].lstrip("/")
            continue
        if not url.startswith("../"):
            break
        url = url[3:].lstrip("/")
        slash, colon = left.rfind("/"), left.rfind(":")
        if slash > 0 and left[slash - 1] != "/":
            left, between = left[:slash], "/"
        elif slash < 0 < colon:
            left, between = left[:colon], ":"
        else:
            raise ValueError(f"leads above {base}")
    return f"{left}{between}{url}".rstrip("/")
