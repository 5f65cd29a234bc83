"""Taking clones and links off a shelf, without losing anything of its user."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gitshelf.base import files, printable
from gitshelf.base.process import Running
from gitshelf.git import worktree
from gitshelf.git.worktree import PINNED
from gitshelf.shelf import beneath, nesting
from gitshelf.shelf.clones import WouldLoseWork, is_unfinished
from gitshelf.shelf.installed import CLONE


def is_there(path: Path, what: str) -> bool:
    """Whether what was made at `path` is still there."""
    if what == CLONE:
        return worktree.is_clone(path) and not path.is_symlink()
    return path.is_symlink() and os.fspath(path.readlink()) == what


def check(
    path: Path, what: str, staying: Iterable[Path], inside: frozenset[str], running: Running
) -> None:
    """Raises WouldLoseWork if something at `path` is its user's, or others (`staying`) lie in it;
    GitshelfError if git cannot read it. What lies `inside` (relative paths) will go first."""
    if what != CLONE:
        return
    if any(path in other.parents for other in staying):
        raise WouldLoseWork("other books lie in it")
    pinned = worktree.call(path, ["rev-parse", "--verify", "--quiet", PINNED], running=running)
    if is_unfinished(path) or not pinned.ok or not (path / ".git").is_dir():
        raise WouldLoseWork("it is not as install left it")
    if any((path / ".git" / name).exists() for name in ("modules", "worktrees")):
        raise WouldLoseWork("it has submodules or work trees of its own")
    arguments = [*worktree.STATUS, f"--untracked-files={worktree.untracked(inside)}", "--ignored"]
    out = worktree.output_of(path, arguments, running=running)
    facts = worktree.parse_status(out, inside)
    ignored = [line[2:] for line in os.fsdecode(out).split("\0") if line.startswith("! ")]
    for names, kind in (
        (facts.changed, "local changes"),
        ((*facts.untracked, *ignored), "files that are not in git"),
    ):
        if names:
            raise WouldLoseWork(f"it has {kind}: {printable.some_of(names)}")
    for item in nesting.gitlinks(path, "HEAD", "", running):
        inner = path / os.fsdecode(item.path)
        if worktree.is_clone(inner):
            check(inner, CLONE, (), frozenset(), running)
    # A pattern may match nothing, whereas a name would have to be there.
    commits = ["HEAD", "--branches", "--glob=refs/gitshelf/kept", "--glob=refs/stas[h]"]
    exclusions = ["--not", "--remotes", f"--glob={PINNED[:-1]}[{PINNED[-1]}]"]
    arguments = ["rev-list", "-n1", "--ignore-missing", *commits, *exclusions]
    if worktree.output_of(path, arguments, running=running).strip():
        raise WouldLoseWork("it has commits that are not pushed")


def remove(path: Path, what: str, top: Path) -> None:
    """Take it away, and the folders above it that are empty then, up to `top`. Raises BehindLink if
    a link is on the way from there, OSError."""
    with beneath.reached(top, path) as place:
        if what == CLONE:
            files.remove_aside(place)
        else:
            place.unlink()
    beneath.remove_empty(top, path)


def take(path: Path, top: Path, running: Running) -> None:
    """Remove the clone `path`, and the folders above it that are empty then, up to `top`. Raises as
    `check` and `remove` do."""
    beneath.check(top, path)
    check(path, CLONE, (), frozenset(), running)
    remove(path, CLONE, top)
