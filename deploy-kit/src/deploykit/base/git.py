"""The one way in which deploy-kit starts git.

Nothing of the caller's own git takes part: deploy-kit may be called from a hook, in a linked
worktree, a bare repository or a quarantine, whose variables lead to another repository.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.process import Result, run

TIMEOUT = 30.0  # seconds
GRACE = 15.0  # seconds for git to remove its lock files, and for its hooks to end
# git sets one of these for whatever it starts: then the identity is that of its own commit.
FROM_GIT = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_EXEC_PATH", "GIT_QUARANTINE_PATH")
IDENTITY = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
FOREIGN = re.compile(r"dubious ownership in repository at '(.*)'$", re.MULTILINE)
# What a person may have set to see more, or other things, of their own work.
PLAIN = {
    "color.ui": "false",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "true",
    "core.safecrlf": "false",
    "push.pushOption": "",
    "push.recurseSubmodules": "no",
}


def environment() -> Mapping[str, str | None]:
    """What git's environment has other than this process's; None for what it has not.

    As gitshelf starts git: no prompts, English messages. But for SSH as `core.sshCommand` says.
    """
    values = _gitshelf_environment()
    values.pop("GIT_ATTR_NOSYSTEM", None)
    if "GIT_SSH_COMMAND" not in os.environ and "GIT_SSH" not in os.environ:
        values.pop("GIT_SSH_COMMAND", None)
    return {**_own(), **values}


def _own() -> dict[str, str | None]:
    """The caller's GIT_*, each None unless it is about how the person's git works.

    Their name and address stay, too, unless they are those of a commit that git is at.
    """
    passed_on = set(_gitshelf_environment())
    if not any(name in os.environ for name in FROM_GIT):
        passed_on.update(IDENTITY)
    theirs = [name for name in os.environ if name.startswith("GIT_")]
    return {name: os.environ[name] if name in passed_on else None for name in theirs}


def _gitshelf_environment() -> dict[str, str]:
    from gitshelf.git import environment as clean

    values = clean()
    values.pop("GIT_CONFIG_PARAMETERS", None)  # how `git -c` hands its settings on to hooks
    return values


def options() -> list[str]:
    """The words after `git` that keep a person's settings out of what it does."""
    return _settings(PLAIN)


def _settings(values: Mapping[str, str]) -> list[str]:
    return [word for key, value in values.items() for word in ("-c", f"{key}={value}")]


def plainly(
    folder: Path,
    words: Sequence[str | Path],
    *,
    timeout: float = TIMEOUT,
    input: str | None = None,
    settings: Mapping[str, str] | None = None,
    index: Path | None = None,
) -> Result:
    """Run a git command in `folder`, with `input` and `settings`; the result tells how it ended.

    `index`: the file of the index that it uses, if that is not the repository's. No setting of
    a person changes what it does or prints, and none of their hooks runs.
    Raises InputError if git refuses the repository as another user's.
    """
    before = [*options(), *_settings(settings or {})]
    env = dict(environment())
    if index is not None:
        env["GIT_INDEX_FILE"] = str(index)
    return _git(folder, [*before, *words], env, timeout=timeout, input=input)


def as_person(
    folder: Path,
    words: Sequence[str | Path],
    *,
    timeout: float = TIMEOUT,
    on_error_line: Callable[[str], None] | None = None,
) -> Result:
    """Run a git command in `folder` as the person would: their hooks and their signing count.

    What they say comes to `on_error_line` as they say it. When the time is over, or this process
    is interrupted, git and what it started are asked to end first, so that no lock file is left.
    Raises CommandFailed when the time is over.
    """
    return _git(folder, words, _own(), timeout=timeout, on_error_line=on_error_line)


def top(folder: Path) -> Path | None:
    """The work tree that `folder` is in; None if it is in none.

    Raises InputError if it belongs to another user.
    """
    result = plainly(folder, ["rev-parse", "--show-cdup"])
    return (folder / result.stdout.rstrip("\n")).resolve() if result.returncode == 0 else None


def _git(
    folder: Path,
    words: Sequence[str | Path],
    env: Mapping[str, str | None],
    *,
    timeout: float,
    input: str | None = None,
    on_error_line: Callable[[str], None] | None = None,
) -> Result:
    result = run(
        ["git", "-C", folder, *words],
        timeout=timeout,
        input=input,
        env=env,
        check=False,
        grace=GRACE,
        on_error_line=on_error_line,
    )
    # git says which folder it would have to trust: the repository's top, not the one asked about.
    foreign = FOREIGN.search(result.stderr) if result.returncode == 128 else None
    if foreign:
        raise InputError(
            f"the repository {foreign[1]} belongs to another user, so git does not read it",
            f"if you trust it: git config --global --add safe.directory {shlex.quote(foreign[1])}",
        )
    return result
