"""What is true of a clone on disk, asked of git with as few programs as possible."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitshelf.base import process
from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Result, Running
from gitshelf.formats import gitobjects
from gitshelf.git import LOCAL_TIMEOUT, isolated, not_owned, options, reason, tells_no_room

PINNED = "refs/gitshelf/pinned"
_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    # The names that no kit carries (formats.names), whatever the file system and its user say.
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "protocol.version=2",
)
STATUS = ("status", "--porcelain=v2", "-z", "--branch", "--no-renames", "--no-ahead-behind")
_ORIGIN = re.compile(r'^\s*\[remote "origin"\]\s*$(.*?)(?=^\s*\[|\Z)', re.M | re.S)
_URL = re.compile(r"^\s*url\s*=\s*(\S+)\s*$", re.M)


@dataclass(frozen=True, slots=True)
class Facts:
    """A clone as `git status` sees it: `commit` is "" before the first one, `branch` is "" if
    HEAD is detached; paths are relative to the clone."""

    commit: str
    branch: str
    changed: tuple[str, ...]
    untracked: tuple[str, ...]


OPTIONS = tuple(options(_OPTIONS))
"""Of each call of git in a work tree."""


def surroundings(servers: Iterable[str] = (), url: str = "") -> dict[str, str]:
    """The environment for git in a work tree: its own configuration counts, its user's does not.
    `servers` and `url` as in `isolated`."""
    env = isolated(servers, url)
    # Objects that are replaced in that repository, its own user has replaced: that counts.
    env.pop("GIT_NO_REPLACE_OBJECTS", None)
    return env


def call(
    path: Path,
    arguments: Sequence[str],
    *,
    running: Running | None = None,
    timeout: float = LOCAL_TIMEOUT,
    pass_fds: Sequence[int] = (),
    env: Mapping[str, str] | None = None,
) -> Result:
    """Run git in the work tree `path` to its end; `timeout` in seconds, `env` is `surroundings` if
    it is not given."""
    return process.run(
        ["git", "-C", str(path), *OPTIONS, *arguments],
        timeout=timeout,
        env={**(env or surroundings()), "GIT_CEILING_DIRECTORIES": str(path.parent)},
        pass_fds=pass_fds,
        running=running,
    )


def output_of(path: Path, arguments: Sequence[str], **how: object) -> bytes:
    """As `call`, and return what git printed. Raises GitshelfError if git fails."""
    result = call(path, arguments, **how)  # type: ignore[arg-type]
    if not result.ok:
        raise failure(path, result)
    return result.out


def failure(path: Path, result: Result) -> GitshelfError:
    """What git's failure means."""
    foreign = not_owned(path, result.err)
    if foreign:
        return foreign
    why = reason(result.err, path)
    full = tells_no_room(why)
    if "smudge filter lfs failed" in result.err and not full:
        return GitshelfError(
            f"{path.name}: {why}",
            "its LFS object cannot be had: push it with git lfs push, or pin another commit",
        )
    remedy = "make room on its disk, then try again" if full else "look with: git status"
    return GitshelfError(f"{path}: {why}", remedy)


def is_clone(path: Path) -> bool:
    """Whether `path` is the top of a work tree."""
    return os.path.lexists(path / ".git")


def facts(
    path: Path, inside: frozenset[str] = frozenset(), running: Running | None = None
) -> Facts:
    """The facts of the clone `path`; the other books in it, `inside`, are not its changes.

    Raises GitshelfError if git cannot read it.
    """
    arguments = [*STATUS, f"--untracked-files={untracked(inside)}"]
    return parse_status(output_of(path, arguments, running=running), inside)


def untracked(inside: frozenset[str]) -> str:
    """How git should list untracked files: one by one if other books are among them."""
    return "all" if inside else "normal"


def parse_status(out: bytes, inside: frozenset[str] = frozenset()) -> Facts:
    """Read `git status --porcelain=v2 -z --branch --no-renames` (its format: git-status(1))."""
    commit = branch = ""
    changed, untracked = [], []
    for line in os.fsdecode(out).split("\0"):
        kind, _, fields = line.partition(" ")
        if line.startswith("# branch.oid "):
            commit = line[13:] if gitobjects.is_id(line[13:]) else ""
        elif line.startswith("# branch.head "):
            branch = "" if line[14:] == "(detached)" else line[14:]
        elif kind in ("1", "u"):
            name = fields.split(" ", 7 if kind == "1" else 9)[-1]
            if name not in inside:
                changed.append(name)
        elif kind == "?" and fields.rstrip("/") not in inside:
            untracked.append(fields)
    return Facts(commit, branch, tuple(changed), tuple(untracked))


def origin(path: Path) -> str:
    """The URL that the clone came from, "" if it has none."""
    with suppress(OSError, UnicodeDecodeError):
        text = (path / ".git" / "config").read_text("utf-8")
        sections = _ORIGIN.findall(text)
        urls = _URL.findall(sections[0]) if len(sections) == 1 else []
        plain = not any(sign in text for sign in ("[include", "\\")) and len(urls) == 1
        if plain and not any(mark in urls[0] for mark in '";#'):
            return str(urls[0])
    result = call(path, ["config", "--get", "remote.origin.url"])
    return os.fsdecode(result.out).rstrip("\n") if result.ok else ""


def same_url(url: str, other: str) -> bool:
    """Whether two URLs name one repository: `file://`, `..`, `.git` and `/` at the end aside."""
    return _plain_url(url) == _plain_url(other)


def _plain_url(url: str) -> str:
    plain = url.removeprefix("file://") if url.startswith("file:///") else url
    if plain.startswith("/"):
        plain = os.path.normpath(plain)
    return plain.rstrip("/").removesuffix(".git").rstrip("/")


def expected_commit(path: Path, branch: str, head: str) -> str:
    """The commit that `branch` of a manifest stands for in this clone, without asking the network:
    its SHA, the tag, or the last seen tip of the branch. "" if the clone does not know it."""
    if gitobjects.is_id(branch):
        return head if branch == head else (_commit(path, branch) or branch)
    if branch.startswith("refs/heads/"):
        names = [f"refs/remotes/origin/{branch.removeprefix('refs/heads/')}"]
    elif branch.startswith("refs/"):
        names = [branch]
    elif branch == "HEAD":
        names = [PINNED]
    else:
        names = [f"refs/remotes/origin/{branch}", f"refs/tags/{branch}"]
    for name in names:
        commit = _ref(path, name)
        if commit is None:
            commit = _commit(path, name)
        if commit:
            return commit
    return ""


def _ref(path: Path, name: str) -> str | None:
    """The commit of a ref by reading git's files; "" if it is not there, None if only git
    can tell."""
    folder = path / ".git"
    with suppress(OSError, UnicodeDecodeError):
        loose = (folder / name).read_text("ascii").strip()
        return loose if gitobjects.is_id(loose) and name.startswith("refs/remotes/") else None
    if not folder.is_dir() or (folder / "reftable").is_dir():
        return None
    with suppress(OSError):
        lines = (folder / "packed-refs").read_text("utf-8", "surrogateescape").splitlines()
        for number, line in enumerate(lines):
            if line[-len(name) - 1 :] == f" {name}":
                after = lines[number + 1] if number + 1 < len(lines) else ""
                return after[1:] if after.startswith("^") else line.split(" ")[0]
    return ""


def _commit(path: Path, name: str) -> str:
    result = call(path, ["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"])
    return result.out.decode("ascii", "replace").strip() if result.ok else ""
