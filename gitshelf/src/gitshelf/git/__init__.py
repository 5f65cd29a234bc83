"""How gitshelf calls git: without prompts, with nothing inherited that changes a result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gitshelf.base import process
from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Result, Running
from gitshelf.git.urls import PROTOCOLS

LOCAL_TIMEOUT = 120.0
_NO_ROOM = "No space left on device"
_FULL = 2**20  # bytes: a disk with less left is full, whatever a failed git freed again
_KEPT = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_PROXY_SSL_CAINFO")
_KEPT_PREFIXES = ("GIT_TRACE", "GIT_CONFIG_", "GIT_HTTP_")
# Memory: a blob of 400 MB took 395 MB of it by default. Books are worked on side by side, each
# with a git of its own; each of these takes about 10 MB, unless a server sends big files as deltas.
_OPTIONS = (
    "core.bigFileThreshold=1m",
    "core.packedGitWindowSize=1m",
    "core.packedGitLimit=8m",
    "core.deltaBaseCacheLimit=8m",
    "core.attributesFile=/dev/null",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    # A cache: what a power cut takes away is fetched again.
    "core.fsync=none",
    "fetch.unpackLimit=1",
    "fetch.writeCommitGraph=false",
    "fetch.fsckObjects=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "pack.threads=1",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "protocol.version=2",
)


def environment() -> dict[str, str]:
    """The environment for git: no prompts, no other repository's variables, English messages."""
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key in _KEPT or key.startswith(_KEPT_PREFIXES)
    }
    ssh = env.get("GIT_SSH_COMMAND") or env.pop("GIT_SSH", "") or "ssh"
    env.update(
        GIT_TERMINAL_PROMPT="0",
        GIT_ASKPASS="true",
        SSH_ASKPASS="true",
        SSH_ASKPASS_REQUIRE="never",
        GCM_INTERACTIVE="never",
        GIT_SSH_COMMAND=f"{ssh} -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=20",
        GIT_ALLOW_PROTOCOL=":".join(PROTOCOLS),
        GIT_NO_REPLACE_OBJECTS="1",
        GIT_ATTR_NOSYSTEM="1",
        GIT_OPTIONAL_LOCKS="0",
        LC_ALL="C",
    )
    return env


def argv(arguments: Sequence[str], git_dir: Path | None = None) -> list[str]:
    """The whole command line of a git call."""
    command = ["git"]
    if git_dir is not None:
        command.append(f"--git-dir={git_dir}")
    for option in _OPTIONS:
        command += ["-c", option]
    return [*command, *arguments]


def run(
    arguments: Sequence[str],
    *,
    git_dir: Path | None = None,
    timeout: float = LOCAL_TIMEOUT,
    input: bytes | None = None,
    extra_env: dict[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    running: Running | None = None,
) -> Result:
    """Run git to its end; `timeout` in seconds."""
    env = environment()
    return process.run(
        argv(arguments, git_dir),
        timeout=timeout,
        input=input,
        env={**env, **extra_env} if extra_env else env,
        pass_fds=pass_fds,
        running=running,
    )


def toplevel(folder: Path) -> str:
    """The work tree that `folder` is in. Raises GitshelfError if it is in none."""
    result = process.run(
        ["git", "-C", os.fspath(folder), "rev-parse", "--show-toplevel"],
        timeout=LOCAL_TIMEOUT,
        env=environment(),
    )
    if "dubious ownership" in result.err:
        raise GitshelfError(
            f"{folder} belongs to another user, so git does not read it",
            f"git config --global --add safe.directory {folder}",
        )
    if not result.ok:
        raise GitshelfError(
            f"{{here}} stands for the git repository that holds the manifest, and {folder} is in "
            f"none ({last_line(result.err)})",
            "put the manifest into a repository, or give --token here=PATH",
        )
    return os.fsdecode(result.out.removesuffix(b"\n"))


def reason(output: str, where: Path) -> str:
    """Why git failed that was writing at `where`: its `last_line`, and that the disk is full, which
    git leaves out if it cannot write a configuration."""
    said = last_line(output)
    return f"{said}: {_NO_ROOM}" if not tells_no_room(said) and _is_full(where) else said


def tells_no_room(said: str) -> bool:
    """Whether git says that a disk is full, or git-lfs does, which writes it small."""
    return _NO_ROOM.lower() in said.lower()


def _is_full(where: Path) -> bool:
    there = next((path for path in (where, *where.parents) if path.exists()), None)
    if there is None:
        return False
    disk = os.statvfs(there)
    return disk.f_bavail * disk.f_frsize < _FULL or (disk.f_files > 0 and disk.f_favail == 0)


def last_line(output: str) -> str:
    """The line of git's messages that says most: that of a full disk, which others follow from;
    else the last `fatal:` or `error:`; else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        if tells_no_room(line):
            return line.removeprefix("fatal: ").removeprefix("error: ")
    for prefix in ("fatal: ", "error: ", "ERROR: ", "remote: "):
        for line in reversed(lines):
            if line.startswith(prefix):
                return line.removeprefix(prefix)
    return process.last_line(output) or "git gave no reason"
