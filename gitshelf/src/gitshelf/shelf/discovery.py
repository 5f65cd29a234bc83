"""From a tree of clones to the manifest that would make it."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gitshelf.base.errors import GitshelfError
from gitshelf.git import urls, worktree

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@+~-]*(:[A-Za-z0-9_./@+~-]+)*")
_GITLINK, _SYMLINK = "160000", "120000"


@dataclass(frozen=True, slots=True)
class Discovered:
    """A manifest's text, and what of the tree could not be put into it."""

    text: str
    books: int
    left_out: tuple[str, ...]


def discover(folder: Path, *, use_branch: bool = False) -> Discovered:
    """The manifest of the clones and links under `folder`: pinned to the commits that are checked
    out; with `use_branch` to the branch or else the tag, if there is one.

    Files and links that belong to a clone are not books of their own. A clone at the top of
    `folder` is taken for the repository of the shelf itself. Raises GitshelfError if the folder
    cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise GitshelfError(f"{folder} is not a folder", "name the folder that holds the clones")
    books: list[str] = []
    left_out: list[str] = []
    for path, is_link in sorted(_clones_and_links(folder)):
        place = path.relative_to(folder).as_posix()
        try:
            lines = [f"- book: {_scalar(place)}"]
            lines += _link(folder, path) if is_link else _book(path, use_branch)
        except (ValueError, OSError) as error:
            shown = os.fsencode(place).decode("utf-8", "replace")
            left_out.append(f"{shown}: {error}")
            continue
        books.append("\n".join(lines) + "\n")
    entries = "".join(books) if books else "[]\n"
    return Discovered(
        f"books:\n{entries}" if books else f"books: {entries}", len(books), tuple(left_out)
    )


def _clones_and_links(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Clones (False) and links (True); folders behind links are not entered."""
    tracked_by: dict[Path, dict[str, str]] = {}
    for top, folders, names in os.walk(folder):
        here = Path(top)
        owner = _owner(here, folder, tracked_by)
        tracked = tracked_by.get(owner, {}) if owner else {}
        prefix = here.relative_to(owner).as_posix() if owner else ""
        if ".git" in folders or ".git" in names:
            is_submodule = tracked.get(prefix) == _GITLINK
            if here != folder and not is_submodule:
                yield here, False
            tracked_by[here] = _tracked_specials(here)
            tracked, prefix = tracked_by[here], "."
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted([*folders, *names]):
            if (here / name).is_symlink():
                mode = tracked.get(posixpath.normpath(posixpath.join(prefix, name)))
                if mode != _SYMLINK:
                    yield here / name, True


def _owner(here: Path, folder: Path, tracked_by: dict[Path, dict[str, str]]) -> Path | None:
    """The clone above `here`."""
    for above in here.parents:
        if above in tracked_by:
            return above
        if above == folder:
            break
    return None


def _tracked_specials(path: Path) -> dict[str, str]:
    """The links and submodules that a clone tracks, with their modes."""
    try:
        out = os.fsdecode(worktree.output_of(path, ["ls-files", "--stage", "-z"]))
    except GitshelfError:
        return {}
    modes = {}
    for line in out.split("\0"):
        mode, _, fields = line.partition(" ")
        if mode in (_GITLINK, _SYMLINK):
            modes[fields.partition("\t")[2]] = mode
    return modes


def _book(path: Path, use_branch: bool) -> list[str]:
    url = worktree.origin(path)
    if not url:
        remotes = _output(path, "remote").split("\n")
        url = _output(path, "config", "--get", f"remote.{remotes[0]}.url") if remotes[0] else ""
    if not url:
        raise ValueError("the clone has no remote")
    if "://" in url and "@" in (location := urlsplit(url).netloc):
        user = location.rpartition("@")[0]
        if ":" in user or not url.startswith("ssh://"):
            url = url.replace(f"{user}@", "", 1)
    url = urls.check_url(url, path)
    pin = _output(path, "rev-parse", "--verify", "--quiet", "HEAD")
    if not pin:
        raise ValueError("the clone has no commit")
    if use_branch:
        pin = (
            _output(path, "symbolic-ref", "--quiet", "--short", "HEAD")
            or _output(path, "describe", "--tags", "--exact-match", "HEAD")
            or pin
        )
    return [
        f"  git: {_scalar(os.path.normpath(url) if url[0] == '/' else url)}",
        f"  branch: {_scalar(pin)}",
    ]


def _link(folder: Path, path: Path) -> list[str]:
    target = str(path.readlink())
    end = posixpath.normpath(path.parent.relative_to(folder).as_posix() + "/" + target)
    if not target.startswith("/") and (end == ".." or end.startswith("../")):
        raise ValueError(f"the link to {target} leads out of the folder")
    return [f"  link: {_scalar(target)}"]


def _output(path: Path, *arguments: str) -> str:
    result = worktree.call(path, arguments)
    return os.fsdecode(result.out).strip() if result.ok else ""


def _scalar(text: str) -> str:
    """A text as YAML. Raises ValueError for what a manifest cannot hold."""
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise ValueError("its name has characters that a manifest cannot hold")
    if re.search(r"\{[A-Za-z0-9_][A-Za-z0-9_.-]*\}", text):
        raise ValueError("its name has a {token} in it")
    return text if _PLAIN.fullmatch(text) else "'" + text.replace("'", "''") + "'"
