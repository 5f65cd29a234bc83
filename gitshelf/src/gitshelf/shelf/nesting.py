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
from gitshelf.manifest.document import Location
from gitshelf.resolution import submodules
from gitshelf.shelf.places import Clone, Layout


def gitlinks(path: Path, commit: str, folder: str, running: Running) -> list[Item]:
    """The submodules that `commit` of the clone `path` has below `folder` ("" for all of it), their
    paths relative to that. Raises GitshelfError if git cannot read it."""
    below = ["--", f"{folder}/"] if folder else []
    arguments = ["ls-tree", "-r", "-z", "--full-tree", commit, *below]
    start = len(raw(folder)) + 1 if folder else 0
    found = []
    for line in worktree.output_of(path, arguments, running=running).split(b"\0"):
        about, _, name = line.partition(b"\t")
        if about.startswith(gitobjects.SUBMODULE.encode()):
            found.append(Item(name[start:], gitobjects.SUBMODULE, about.split(b" ")[2].decode()))
    return found


def submodule_clones(
    clones: Iterable[tuple[Clone, str]],
    layout: Layout,
    taken: dict[str, Location],
    running: Running,
    timeout: float,
) -> tuple[list[Clone], dict[Path, tuple[bytes, ...]]]:
    """Where the submodules of some clones, each at its commit, belong: those whose books include
    them; and by clone, the paths of those that are left out (see `submodules.Inner`). `taken` are
    the places so far; theirs are added. `timeout` in seconds.

    Raises GitshelfError, naming book and submodule, for one without a URL that a book may have.
    """
    others = [clone.path for clone in layout.clones] + [link.path for link in layout.links]
    found = []
    left_out = {}
    for clone, commit in clones:
        book = clone.book
        if book.policies.submodules != INCLUDE:
            continue
        items = gitlinks(clone.path, commit, book.path, running)
        inner = _submodules_of(clone, commit, items, running, timeout)
        if inner.left_out:
            left_out[clone.path] = inner.left_out
        for one in submodules.books([(book, inner.carried)], taken):
            start = len(book.place) + 1 if book.place else 0
            path = clone.path / book.path / one.place[start:]
            inside = frozenset(o.relative_to(path).as_posix() for o in others if path in o.parents)
            found.append(Clone(one, path, clone.top, inside, clone.depth + 1))
    return found, left_out


def _submodules_of(
    clone: Clone, commit: str, items: Sequence[Item], running: Running, timeout: float
) -> submodules.Inner:
    if not items:
        return submodules.Inner()
    store = Path(os.fsdecode(_git_dir(clone.path, running)))
    with ObjectReader(store, running, timeout) as reader:
        ((_, content),) = reader.read([commit])
        root = gitobjects.parse_commit(content).tree
        return submodules.read(reader, root, clone.book.path, items, clone.book.at)


def _git_dir(path: Path, running: Running) -> bytes:
    return worktree.output_of(path, ["rev-parse", "--absolute-git-dir"], running=running)[:-1]


def taken_places(layout: Layout) -> dict[str, Location]:
    """The places of a manifest as `submodule_clones` wants them."""
    books = {clone.book.place: clone.book.at for clone in layout.clones}
    links = {link.place + "/": link.at for link in layout.links if link.place not in books}
    return books | links


def lost_submodules(path: Path, before: str, after: str, running: Running) -> list[Path]:
    """The clones in the clone `path` that are submodules of the commit `before` and not of the
    commit `after`."""
    there = {item.path for item in gitlinks(path, after, "", running)}
    gone = [item.path for item in gitlinks(path, before, "", running) if item.path not in there]
    inner = [path / os.fsdecode(name) for name in gone]
    return [one for one in inner if worktree.is_clone(one)]
