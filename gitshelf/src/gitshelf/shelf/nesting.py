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
    items = []
    for line in worktree.output_of(path, arguments, running=running).split(b"\0"):
        head, _, name = line.partition(b"\t")
        if head.startswith(gitobjects.SUBMODULE.encode()):
            items.append(Item(name[start:], gitobjects.SUBMODULE, head.split(b" ")[2].decode()))
    return items


def submodule_clones(
    clones: Iterable[tuple[Clone, str]],
    layout: Layout,
    taken: dict[str, Location],
    running: Running,
    timeout: float,
) -> tuple[list[Clone], dict[Path, tuple[bytes, ...]]]:
    """The clones of the submodules of `clones`, each at its commit, if their books include them;
    and by clone, the paths of those that are left out (see `submodules.Inner`). `taken` are the
    places so far; the places of the submodules are added to it. `timeout` in seconds.

    Raises GitshelfError, naming book and submodule, for one without a URL that a book may have.
    """
    others = [clone.path for clone in layout.clones] + [link.path for link in layout.links]
    inner_clones = []
    left_out = {}
    for clone, commit in clones:
        book = clone.book
        if book.policies.submodules != INCLUDE:
            continue
        items = gitlinks(clone.path, commit, book.path, running)
        inner = _submodules_of(clone, commit, items, running, timeout)
        if inner.left_out:
            left_out[clone.path] = inner.left_out
        for inner_book in submodules.books([(book, inner.carried)], taken):
            start = len(book.place) + 1 if book.place else 0
            path = clone.path / book.path / inner_book.place[start:]
            inside = frozenset(
                other.relative_to(path).as_posix() for other in others if path in other.parents
            )
            inner_clones.append(Clone(inner_book, path, clone.top, inside, clone.depth + 1))
    return inner_clones, left_out


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
    staying = {item.path for item in gitlinks(path, after, "", running)}
    lost = [item.path for item in gitlinks(path, before, "", running) if item.path not in staying]
    inner = [path / os.fsdecode(name) for name in lost]
    return [clone for clone in inner if worktree.is_clone(clone)]
