"""The clones that lie in a clone because they are its submodules."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from gitshelf.base.process import Running
from gitshelf.formats import gitobjects
from gitshelf.formats.gitobjects import Item
from gitshelf.git import worktree
from gitshelf.git.reader import ObjectReader
from gitshelf.kit.lock import INCLUDE, raw
from gitshelf.manifest.document import Place
from gitshelf.resolution import submodules
from gitshelf.shelf.places import GitPlace, Layout


def gitlinks(path: Path, commit: str, folder: str, running: Running) -> list[Item]:
    """The submodules that `commit` of the clone `path` has below `folder` ("" for all of it), their
    paths relative to that. Raises GitshelfError where git cannot read it."""
    below = ["--", f"{folder}/"] if folder else []
    arguments = ["ls-tree", "-r", "-z", "--full-tree", commit, *below]
    start = len(raw(folder)) + 1 if folder else 0
    found = []
    for line in worktree.checked(path, arguments, running=running).split(b"\0"):
        about, _, name = line.partition(b"\t")
        if about.startswith(gitobjects.SUBMODULE.encode()):
            found.append(Item(name[start:], gitobjects.SUBMODULE, about.split(b" ")[2].decode()))
    return found


def inner(
    clones: Iterable[tuple[GitPlace, str]],
    layout: Layout,
    taken: dict[str, Place],
    running: Running,
    timeout: float,
) -> list[GitPlace]:
    """Where the submodules of some clones, each at its commit, belong: those whose books include
    them. `taken` are the places so far; theirs are added. `timeout` in seconds.

    Raises GitshelfError, naming book and submodule, for one without a URL that a book may have.
    """
    others = [place.path for place in layout.books] + [link.path for link in layout.links]
    found = []
    for place, commit in clones:
        book = place.book
        if book.policies.submodules != INCLUDE:
            continue
        items = gitlinks(place.path, commit, book.path, running)
        for one in submodules.books([(book, _told(place, commit, items, running, timeout))], taken):
            start = len(book.book) + 1 if book.book else 0
            path = place.path / book.path / one.book[start:]
            inside = frozenset(o.relative_to(path).as_posix() for o in others if path in o.parents)
            found.append(GitPlace(one, path, inside, place.depth + 1))
    return found


def _told(
    place: GitPlace, commit: str, items: Sequence[Item], running: Running, timeout: float
) -> Sequence[submodules.Submodule]:
    if not items:
        return ()
    store = Path(os.fsdecode(_git_dir(place.path, running)))
    with ObjectReader(store, running, timeout) as reader:
        ((_, content),) = reader.read([commit])
        root = gitobjects.parse_commit(content).tree
        return submodules.read(reader, root, place.book.path, items, place.book.place)


def _git_dir(path: Path, running: Running) -> bytes:
    return worktree.checked(path, ["rev-parse", "--absolute-git-dir"], running=running)[:-1]


def taken(layout: Layout) -> dict[str, Place]:
    """The places of a manifest as `inner` wants them."""
    places = {one.book.book: one.book.place for one in layout.books}
    links = {link.name + "/": link.place for link in layout.links if link.name not in places}
    return places | links


def left(path: Path, before: str, after: str, running: Running) -> list[Path]:
    """The clones in the clone `path` that are submodules of the commit `before` and not of the
    commit `after`."""
    there = {item.path for item in gitlinks(path, after, "", running)}
    gone = [item.path for item in gitlinks(path, before, "", running) if item.path not in there]
    inner = [path / os.fsdecode(name) for name in gone]
    return [one for one in inner if worktree.is_clone(one)]
