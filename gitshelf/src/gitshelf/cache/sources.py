"""Why git cannot copy a repository on this machine: what that lacks. Asked after a failure only.

Formats: gitrepository-layout(5).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gitshelf import git
from gitshelf.base.errors import GitshelfError
from gitshelf.git.urls import local_path

_ALTERNATES = Path("objects/info/alternates")


def shallow(url: str) -> GitshelfError:
    """The error that the repository `url` has only the newest part of its history."""
    path = local_path(url)
    where = f"git -C {shlex.quote(str(path))}" if path else "there, git"
    return GitshelfError(
        f"{url} is a shallow clone: of its history it has only the newest part",
        f"make it whole ({where} fetch --unshallow), then try again",
    )


def lacking(url: str) -> GitshelfError | None:
    """What the repository `url` lacks, with the command that mends it; None if that is nothing, or
    if it is not on this machine."""
    path = local_path(url)
    if path is None or not path.is_dir():
        return None
    result = git.run_in(path, ["rev-parse", "--git-common-dir"])
    if not result.ok:
        return None
    folder = path / os.fsdecode(result.out.removesuffix(b"\n"))
    checks: tuple[Callable[[str, Path, Path], GitshelfError | None], ...]
    checks = (_check_alternates, _check_partial, _check_shallow)
    return next((error for check in checks if (error := check(url, path, folder))), None)


def _check_alternates(url: str, path: Path, folder: Path) -> GitshelfError | None:
    """The error if it borrows objects from a folder that is not there."""
    with suppress(OSError):
        for line in (folder / _ALTERNATES).read_text("utf-8", "surrogateescape").splitlines():
            lender = folder / "objects" / line
            if line and not line.startswith("#") and not lender.is_dir():
                return GitshelfError(
                    f"{url} borrows objects from {line}, which is not there",
                    f"bring that back and make it independent (git -C {shlex.quote(str(path))} "
                    f"repack -a -d && rm {shlex.quote(str(folder / _ALTERNATES))}), or clone it "
                    "again",
                )
    return None


def _check_partial(url: str, path: Path, folder: Path) -> GitshelfError | None:
    """The error if it is a partial clone, which fetches objects when its own user needs them."""
    result = git.run_in(path, ["config", "--bool", "--get-regexp", r"^remote\..*\.promisor$"])
    for line in os.fsdecode(result.out).splitlines():
        key, _, is_promisor = line.rpartition(" ")
        if is_promisor == "true":
            remote = key.removeprefix("remote.").removesuffix(".promisor")
            return GitshelfError(
                f"{url} is a partial clone: some of its objects are at its remote {remote} only",
                f"bring them (git -C {shlex.quote(str(path))} fetch --refetch --no-filter "
                f"{shlex.quote(remote)}), then try again",
            )
    return None


def _check_shallow(url: str, path: Path, folder: Path) -> GitshelfError | None:
    """The error if its history ends before its beginning."""
    with suppress(OSError):
        if (folder / "shallow").stat().st_size:
            return shallow(url)
    return None
