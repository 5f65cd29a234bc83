"""Making a book's clone and moving it to its commit, without losing anything of its user.

Each step can be killed: a new clone appears complete or not at all, and while a work tree is being
changed a marker in `.git` says that what differs is ours to finish.
"""

from __future__ import annotations

import copy
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gitshelf.base import files, printable
from gitshelf.base.errors import GitshelfError
from gitshelf.base.filelock import lock_file
from gitshelf.base.process import Result, Running
from gitshelf.cache.homes import cache_home
from gitshelf.cache.lfs import ENVIRONMENT
from gitshelf.git import worktree
from gitshelf.git.worktree import PINNED, Facts
from gitshelf.shelf import beneath, lfsfiles, quick
from gitshelf.shelf.obstacles import clashes
from gitshelf.shelf.places import Clone

_MARKER = "gitshelf-moving"
_NEXT = "refs/gitshelf/next"
_ANY = "*"
# Set in the clone, for its user's git, too: else files would differ from what gitshelf expects.
_BYTES_AS_THEY_ARE = ("core.autocrlf=false", "core.eol=lf")
# A stash is a commit, and needs an author.
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "gitshelf"), ("EMAIL", "gitshelf@localhost"))
}
_UNKNOWN = "files that are not in git"
_REFUSAL = re.compile(r"would be overwritten|would lose|index\.lock|resolve your current index")


class WouldLoseWork(Exception):
    """What is on the disk was left as it is, because of `args[0]`."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a clone should be: `commit` of the bare repository `store`; on the local branch
    `branch` if the manifest names one; `tag` is the tag that it names."""

    commit: str
    branch: str
    tag: str
    store: Path


class Clones:
    """The clones of one run. `timeout` in seconds per call of git; `force` overwrites local
    changes (commits stay, under refs/gitshelf/kept); `offline` asks no server for LFS objects, and
    `servers` are those that may get credentials."""

    def __init__(
        self,
        running: Running,
        timeout: float,
        *,
        force: bool,
        offline: bool = False,
        servers: frozenset[str] = frozenset(),
    ) -> None:
        self._running = running
        self._timeout = timeout
        self._force = force
        self._offline = offline
        self._servers = servers
        self._handles: tuple[int, ...] = ()

    def bring(self, clone: Clone, goal: Goal) -> str:
        """Clone or move, and return what was done. Raises WouldLoseWork if local changes are in the
        way, BehindLink if a link is on the way, GitshelfError if git fails."""
        with (
            _one_writer(clone.path, self._timeout) as handle,
            beneath.reached(clone.top, clone.path, make=True) as path,
        ):
            clone = replace(clone, path=path)
            locked = copy.copy(self)
            locked._handles = (handle,)
            if worktree.is_clone(path):
                return locked._move(clone, goal)
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                raise WouldLoseWork(f"{path} is not a folder: move it away")
            return locked._make(clone, goal)

    def _call(self, path: Path, *arguments: str, url: str = "") -> Result:
        """Run git, which leaves LFS pointers as they are: for the books that include them, git-lfs
        brings all objects at once, from `url`, and says what is wrong."""
        skip_smudge = {"GIT_LFS_SKIP_SMUDGE": "1"}
        return worktree.call(
            path,
            arguments,
            running=self._running,
            timeout=self._timeout,
            pass_fds=self._handles,
            env=worktree.surroundings(self._servers, url) | ENVIRONMENT | skip_smudge,
        )

    def _git(self, path: Path, *arguments: str) -> bytes:
        return worktree.output_of(
            path,
            arguments,
            running=self._running,
            timeout=self._timeout,
            pass_fds=self._handles,
        )

    def _make(self, clone: Clone, goal: Goal) -> str:
        path = clone.path
        files.sweep_parts(path)
        part = files.part_path(path)
        try:
            source, target = str(goal.store), str(part)
            options = [word for option in _BYTES_AS_THEY_ARE for word in ("--config", option)]
            arguments = ["--quiet", "--no-checkout", "--origin=origin", *options]
            self._git(path.parent, "clone", *arguments, "--", source, target)
            self._git(part, "config", "remote.origin.url", clone.book.url)
            self._git(part, "update-ref", PINNED, goal.commit)
            if not path.exists() or not any(path.iterdir()):
                note = self._check_out(part, clone, goal, _ANY, force=True)
                # Nobody else has written here, so no file is newer than the index says.
                os.utime(part / ".git" / "index")
                part.rename(path)
                return f"cloned{note}"
            self._refuse(clashes(path, self._files(part, goal), ()), _UNKNOWN)
            _mark(part, _ANY, goal.commit)
            (part / ".git").rename(path / ".git")
        finally:
            files.remove(part)
        note = self._check_out(path, clone, goal, _ANY, force=True)
        return f"cloned around what was there{note}"

    def _move(self, clone: Clone, goal: Goal) -> str:
        path = clone.path
        was_killed = is_unfinished(path)
        if was_killed:
            self._finish(clone)
        facts = worktree.facts(path, clone.inside, self._running)
        is_known = bool(facts.commit) and self._is_known(path, facts, goal)
        ours = worktree.same_url(worktree.origin(path), clone.book.url)
        self._fetch(path, goal, ours=ours)
        self._protect(path, facts, goal, is_known)
        note = self._check_out(path, clone, goal, facts.commit, force=self._force)
        self._git(path, "update-ref", PINNED, goal.commit)
        if facts.commit == goal.commit:
            return ("finished" if was_killed else "switched") + note
        return f"moved from {facts.commit[:12] or 'nothing'}{note}"

    def _finish(self, clone: Clone) -> None:
        """Bring a work tree to where a killed run was moving it. Files that it did not touch are
        its user's, and so is everything once HEAD is elsewhere."""
        path = clone.path
        marker = path / ".git" / _MARKER
        start, _, end = marker.read_text().strip().partition(" ")
        # This run holds the lock, so no git of the killed one lives: its lock file is left over.
        (path / ".git" / "index.lock").unlink(missing_ok=True)
        facts = worktree.facts(path, clone.inside, self._running)
        if end and start in (_ANY, facts.commit):
            if start != _ANY:
                out = self._git(path, "diff-tree", "-r", "--name-only", "-z", start, end)
                touched = set(os.fsdecode(out).split("\0"))
                self._refuse(
                    [name for name in facts.changed if name not in touched], "local changes"
                )
            self._git(path, "checkout", "--quiet", "--force", "--detach", end, "--")
        marker.unlink(missing_ok=True)

    def _fetch(self, path: Path, goal: Goal, *, ours: bool) -> None:
        """Bring what the cache has into the clone; only the pin, if the clone's origin is another
        one (not `ours`). Tags of the clone's user stay, but for the one that the book names."""
        refspecs = [f"+{goal.commit}:{_NEXT}"]
        if ours:
            refspecs.append("+refs/heads/*:refs/remotes/origin/*")
        if goal.tag:
            refspecs.append(f"+refs/tags/{goal.tag}:refs/tags/{goal.tag}")
        options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]
        arguments = [*options, "--", str(goal.store), *refspecs]
        try:
            self._git(path, "fetch", *arguments)
        except GitshelfError:
            # A branch may have given way to branches below it: only then forget what went upstream.
            self._git(path, "fetch", "--prune", *arguments)
        if not ours:
            return
        result = worktree.call(
            path,
            ["fetch", *options, "--", str(goal.store), "refs/tags/*:refs/tags/*"],
            running=self._running,
            timeout=self._timeout,
            pass_fds=self._handles,
        )
        if not result.ok and "would clobber" not in result.err:
            raise worktree.failure(path, result)

    def _files(self, path: Path, goal: Goal) -> list[str]:
        out = self._git(path, "ls-tree", "-r", "--name-only", "-z", goal.commit)
        return os.fsdecode(out).split("\0")[:-1]

    def _is_known(self, path: Path, facts: Facts, goal: Goal) -> bool:
        """Whether every commit that would be left behind is known upstream or was pinned."""
        return not self._unpushed(path, facts, goal, "--glob=refs/gitshelf")

    def _unpushed(self, path: Path, facts: Facts, goal: Goal, *also: str) -> bool:
        heads = [facts.commit] + ([f"refs/heads/{goal.branch}"] if goal.branch else [])
        arguments = ["rev-list", "-n1", "--ignore-missing", *heads, "--not", "--remotes", *also]
        return bool(self._git(path, *arguments).strip())

    def _protect(self, path: Path, facts: Facts, goal: Goal, is_known: bool) -> None:
        """Raises WouldLoseWork for what the move would overwrite; with force, keeps the commits."""
        if not facts.commit:
            # Nothing was committed here yet, so git would overwrite files without a question.
            self._refuse(facts.changed, "local changes")
            self._refuse(clashes(path, self._files(path, goal), ()), _UNKNOWN)
            return
        unpushed = not is_known and self._unpushed(path, facts, goal, goal.commit)
        if self._force:
            if unpushed:
                self._keep(path, facts.commit, goal)
            if facts.changed:
                # In the middle of a merge git makes no stash, and this fails.
                env = worktree.surroundings() | _IDENTITY
                result = worktree.call(path, ["stash", "create"], running=self._running, env=env)
                stash = result.out.decode("ascii", "replace").strip()
                if result.ok and stash:
                    self._git(path, "update-ref", f"refs/gitshelf/kept/{stash}", stash)
            return
        if unpushed:
            raise WouldLoseWork("it has commits that are not pushed")
        if facts.commit == goal.commit:
            return
        self._refuse(facts.changed, "local changes")
        range_ = [facts.commit, goal.commit]
        out = self._git(path, "diff-tree", "-r", "--no-renames", "--name-status", "-z", *range_)
        fields = os.fsdecode(out).split("\0")[:-1]
        pairs = list(zip(fields[::2], fields[1::2], strict=True))
        added = [name for kind, name in pairs if kind == "A"]
        removed = {name for kind, name in pairs if kind == "D"}
        self._refuse(clashes(path, added, removed), _UNKNOWN)

    def _keep(self, path: Path, commit: str, goal: Goal) -> None:
        names = [commit] + ([f"refs/heads/{goal.branch}"] if goal.branch else [])
        for name in names:
            result = worktree.call(path, ["rev-parse", "--verify", "--quiet", name])
            if result.ok:
                object_id = result.out.decode("ascii").strip()
                self._git(path, "update-ref", f"refs/gitshelf/kept/{object_id}", object_id)

    def _refuse(self, names: Sequence[str], what: str) -> None:
        if names and not self._force:
            raise WouldLoseWork(
                f"it has {what} that would be overwritten: {printable.some_of(names)}"
            )

    def _check_out(self, path: Path, clone: Clone, goal: Goal, start: str, *, force: bool) -> str:
        """Bring the clone's work tree to the goal; returns a remark on its LFS files, or ""."""
        arguments = ["checkout", "--quiet", "--no-recurse-submodules"]
        arguments += ["--force"] if force else ["--no-overwrite-ignore"]
        arguments += ["-B", goal.branch] if goal.branch else ["--detach"]
        _mark(path, start or _ANY, goal.commit)
        policy = clone.book.policies.lfs
        result = self._call(path, *arguments, goal.commit, "--")
        if not result.ok:
            # Git refused before it touched anything, so there is nothing to finish.
            if _REFUSAL.search(result.err):
                _unmark(path)
            raise worktree.failure(path, result)
        if goal.branch:
            upstream = f"branch.{goal.branch}"
            self._git(path, "config", f"{upstream}.remote", "origin")
            self._git(path, "config", f"{upstream}.merge", f"refs/heads/{goal.branch}")
        lfs = lfsfiles.Book(clone.book.url, policy, self._servers)
        note = lfsfiles.bring(path, lfs, partial(self._call, path), offline=self._offline)
        if (path / ".git").is_dir():
            tree = self._git(path, "rev-parse", f"{goal.commit}^{{tree}}").decode("ascii").strip()
            quick.note_tree(path, goal.commit, tree)
        _unmark(path)
        return f" ({note})" if note else ""


def is_unfinished(path: Path) -> bool:
    """Whether a run was killed while it changed this clone's work tree."""
    return (path / ".git" / _MARKER).exists()


def _mark(path: Path, start: str, end: str) -> None:
    """Say that a work tree is on its way between two commits."""
    if (path / ".git").is_dir():
        files.write(path / ".git" / _MARKER, f"{start} {end}\n".encode())


def _unmark(path: Path) -> None:
    with suppress(OSError):
        (path / ".git" / _MARKER).unlink()


@contextmanager
def _one_writer(path: Path, timeout: float) -> Iterator[int]:
    """Hold the lock of one place of this machine; a git that outlives us holds it on."""
    folder = cache_home() / "places"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    with lock_file(folder / name, timeout, f"has been working on {path}") as handle:
        yield handle
