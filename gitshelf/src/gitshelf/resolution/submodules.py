"""Submodules that a kit carries: what `.gitmodules` says of them, as books in their book.

Format: gitmodules(5). A relative URL is taken from the book's own, as `git submodule` does.
"""

from __future__ import annotations

from collections import defaultdict
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
_NEVER = b"none"
_UPDATE = (b"checkout", b"rebase", b"merge", _NEVER)
"""What `update` may be in .gitmodules; a command of its own git refuses there."""
_ELSE = "pin a commit that has it, or write `submodules: omit` in the book"


@dataclass(frozen=True, slots=True)
class Submodule:
    """A submodule at `path` in its book, at its recorded commit; `url` is as in .gitmodules."""

    path: bytes
    commit: str
    url: str


@dataclass(frozen=True, slots=True)
class Inner:
    """The submodules of a commit: those that are `carried`, and the paths of those that are
    `left_out`, as git does it, because .gitmodules says `update = none`."""

    carried: tuple[Submodule, ...] = ()
    left_out: tuple[bytes, ...] = ()


def read(
    reader: ObjectReader, root: str, path: str, gitlinks: Sequence[Item], location: Location
) -> Inner:
    """The submodules that `gitlinks` (relative to the folder `path` of the tree `root`) are.

    Raises GitshelfError, with their names, for those that .gitmodules gives no URL, or an `update`
    that git refuses there.
    """
    if not gitlinks:
        return Inner()
    entries = _read_entries(_content(reader, root, location), location)
    prefix = lock.raw(path) + b"/" if path else b""
    by_path = {item.path: entries.get(prefix + item.path, _Entry()) for item in gitlinks}
    for what, paths in (
        ("no URL for", [name for name, entry in by_path.items() if not entry.url]),
        (
            "an `update` that git refuses for",
            [name for name, entry in by_path.items() if entry.update not in _UPDATE],
        ),
    ):
        if paths:
            names = ", ".join(tar.printable(name) for name in paths[:5])
            raise location.error(f"its .gitmodules has {what} the submodule {names}", _ELSE)
    staying = [item for item in gitlinks if by_path[item.path].update != _NEVER]
    return Inner(
        tuple(
            Submodule(item.path, item.id, lock.text(by_path[item.path].url or b""))
            for item in staying
        ),
        tuple(name for name, entry in by_path.items() if entry.update == _NEVER),
    )


def _content(reader: ObjectReader, root: str, location: Location) -> bytes:
    ((_, tree),) = reader.read([root])
    for item in gitobjects.parse_tree(tree, root):
        if item.path == _FILE and item.mode in gitobjects.REGULAR:
            for _, size in reader.headers([item.id]):
                if size <= _MAX_FILE:
                    return reader.content(size)
                raise location.error("its .gitmodules is too big", _ELSE)
    raise location.error("it has submodules, but no file .gitmodules", _ELSE)


@dataclass(slots=True)
class _Entry:
    """What .gitmodules says of one submodule; None for a key without a value."""

    path: bytes | None = None
    url: bytes | None = None
    update: bytes | None = b"checkout"


def _read_entries(content: bytes, location: Location) -> dict[bytes, _Entry]:
    """What .gitmodules says of each submodule, by its path in the repository."""
    result = git.run(["config", "--file", "-", "--list", "-z"], input=content)
    if not result.ok:
        raise location.error(f".gitmodules cannot be read ({git.last_line(result.err)})", _ELSE)
    by_name: dict[bytes, _Entry] = defaultdict(_Entry)
    for pair in result.out.split(b"\0"):
        key, equals, value = pair.partition(b"\n")
        section, _, name_and_variable = key.partition(b".")
        # A name may have dots, and without one it is no submodule's setting.
        name, dot, variable = name_and_variable.rpartition(b".")
        if section == b"submodule" and dot and variable in (b"path", b"url", b"update"):
            setattr(by_name[name], variable.decode(), value if equals else None)
    return {entry.path: entry for entry in by_name.values() if entry.path}


def books(
    parents: Iterable[tuple[Book, Sequence[Submodule]]], taken: dict[str, Location]
) -> list[Book]:
    """The submodules of the books `parents`, as books. `taken` are the places so far, those of
    links with a slash behind them; the places of the submodules are added to it. Raises
    GitshelfError for a URL that no book may have, and for a place that is taken or that a kit
    cannot have."""
    inner_books = []
    for parent, submodules in parents:
        for submodule in submodules:
            inner_books.append(_book(parent, submodule, taken))
            taken[inner_books[-1].place] = inner_books[-1].at
    return inner_books


def _book(parent: Book, submodule: Submodule, taken: Mapping[str, Location]) -> Book:
    shown = tar.printable(submodule.path)
    at = Location(parent.at.file, parent.at.line, f"{parent.at.book}: submodule {shown}")
    inner_path = lock.text(submodule.path)
    path = f"{parent.place}/{inner_path}" if parent.place else inner_path
    if not shown.isprintable() or shown.encode() != submodule.path or path.split("/")[0] == "KIT":
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
    url = _url(parent, submodule.url, at)
    relative = submodule.url.startswith(("./", "../"))
    origin = f"{parent.origin}/{submodule.url}" if relative and "{here}" in parent.origin else url
    return Book(
        place=path,
        url=url,
        branch=submodule.commit,
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
