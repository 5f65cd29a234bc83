"""How git is called: without prompts, with nothing inherited that changes a result.

The one place where git's command lines and environments are made.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gitshelf.base import process
from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Bounds, Result, Running
from gitshelf.git import configuration
from gitshelf.git.urls import PROTOCOLS, server_of

LOCAL_TIMEOUT = 120.0  # seconds
# For a git that asks a server, which has a say in what it prints, and (where it lists refs, which
# git keeps until it has all) in what memory it takes. A third of it are the refs of a repository
# with a million of them.
ANSWER = Bounds(output=256 * 2**20)
LISTING = Bounds(output=ANSWER.output, memory=2**30)
_NO_ROOM = "No space left on device"
# What git says beside the reason if a remote repository cannot be read, and what ssh says anyway.
_NO_REASON = (
    "fatal: Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
    "Warning: Permanently added ",
)
_FULL = 2**20  # bytes: a disk with less left is full, whatever a failed git freed again
# How servers are reached, and where a person's configuration is. All else that git would take from
# the environment speaks of the repository, the index or the objects of whoever called us.
# A text, as to compile it takes a millisecond, which only those pay who start git.
_KEPT = (
    r"GIT_(SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|PROXY_COMMAND)|"
    r"GIT_(PROXY_)?SSL_(CAINFO|CAPATH|CERT|KEY|CERT_PASSWORD_PROTECTED|NO_VERIFY|VERSION|CIPHER_LIST)|"
    r"GIT_HTTP_(PROXY_AUTHMETHOD|USER_AGENT|LOW_SPEED_LIMIT|LOW_SPEED_TIME)|"
    r"GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)"
)
_NO_ASKPASS = "true"  # a program that says nothing
_SSH_OPTIONS = "-o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=20 -o ForwardAgent=no"
# Memory: a blob of 400 MB took 395 MB of it by default. Books are worked on side by side, each
# with a git of its own; each of these takes about 10 MB, unless a server sends big files as deltas.
_STORE_OPTIONS = (
    "core.bigFileThreshold=1m",
    "core.packedGitWindowSize=1m",
    "core.packedGitLimit=8m",
    "core.deltaBaseCacheLimit=8m",
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
    """The environment for git with a person's own configuration: no prompts, English messages, and
    of GIT_* only what says how servers are reached, whatever git, hook or worktree called us."""
    env = {key: value for key, value in os.environ.items() if _is_kept(key, value)}
    env.update(
        GIT_TERMINAL_PROMPT="0",
        SSH_ASKPASS="true",
        SSH_ASKPASS_REQUIRE="never",
        GCM_INTERACTIVE="never",
        GIT_ALLOW_PROTOCOL=":".join(PROTOCOLS),
        GIT_NO_REPLACE_OBJECTS="1",
        GIT_ATTR_NOSYSTEM="1",
        GIT_OPTIONAL_LOCKS="0",
        LC_ALL="C",
    )
    # One that answers by itself, as CI systems set it, may do so.
    env.setdefault("GIT_ASKPASS", _NO_ASKPASS)
    env["GIT_SSH_COMMAND"] = _ssh(env)
    return env


def isolated(servers: Iterable[str] = (), url: str = "") -> dict[str, str]:
    """The environment for git as gitshelf calls it: as `environment`, and of a person's
    configuration only how servers are reached (see `configuration`).

    Credentials that name no server go to those of `servers` (URLs) and to no others: if git is to
    ask a `url` on another server, it gets none that would answer for any server.
    """
    env = environment()
    settings = configuration.settings(env)
    for key in [key for key in env if key.startswith("GIT_CONFIG_")]:
        del env[key]
    origins = {server_of(server) for server in servers} - {""}
    if server_of(url) not in origins:
        env["GIT_ASKPASS"] = _NO_ASKPASS
        for name in ("GIT_SSL_CERT", "GIT_SSL_KEY"):
            env.pop(name, None)
        if server_of(url) and _has_default(Path(env.get("HOME", "/"), ".netrc")):
            env["HOME"] = os.devnull
    env["GIT_CONFIG_NOSYSTEM"] = "1"
    text = configuration.render(configuration.scoped(settings, origins))
    env["GIT_CONFIG_GLOBAL"] = configuration.file_of(text)
    return env


def _has_default(netrc: Path) -> bool:
    """Whether a netrc file has a credential for any server: git takes it where it finds it, by HOME
    alone."""
    with suppress(OSError):
        return "default" in netrc.read_text("utf-8", "replace").split()
    return False


def _is_kept(key: str, value: str) -> bool:
    if not key.startswith("GIT_"):
        return True
    if key.startswith("GIT_TRACE"):
        # A trace into a file changes nothing; one on stderr would be taken for git's messages.
        return value.startswith("/")
    return re.fullmatch(_KEPT, key) is not None


def _ssh(env: Mapping[str, str]) -> str:
    """The command by which git starts ssh, in git's own order of precedence, without prompts."""
    settings = configuration.settings(env)
    command = env.get("GIT_SSH_COMMAND") or configuration.value_of(settings, "core.sshcommand")
    if not command:
        command = shlex.quote(env["GIT_SSH"]) if env.get("GIT_SSH") else "ssh"
    variant = env.get("GIT_SSH_VARIANT") or configuration.value_of(settings, "ssh.variant")
    return f"{command} {_SSH_OPTIONS}" if variant in ("", "auto", "ssh") else command


def argv(arguments: Sequence[str], git_dir: Path | None = None) -> list[str]:
    """The whole command line of a git call on a store of the cache, or on none."""
    command = ["git"]
    if git_dir is not None:
        command.append(f"--git-dir={git_dir}")
    return [*command, *options(_STORE_OPTIONS), *arguments]


def options(values: Iterable[str]) -> list[str]:
    """Settings as options of git, which beat all files."""
    return [word for value in values for word in ("-c", value)]


def run(
    arguments: Sequence[str],
    *,
    git_dir: Path | None = None,
    timeout: float = LOCAL_TIMEOUT,
    input: bytes | None = None,
    env: Mapping[str, str] | None = None,
    extra_env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    running: Running | None = None,
    bounds: Bounds | None = None,
) -> Result:
    """Run git to its end; `timeout` in seconds, `env` is `isolated` if it is not given."""
    return process.run(
        argv(arguments, git_dir),
        timeout=timeout,
        input=input,
        env={**(env or isolated()), **(extra_env or {})},
        pass_fds=pass_fds,
        running=running,
        bounds=bounds,
    )


def run_in(
    folder: Path,
    arguments: Sequence[str],
    *,
    timeout: float = LOCAL_TIMEOUT,
    running: Running | None = None,
) -> Result:
    """Run git in the repository that `folder` lies in, found as git finds it."""
    return process.run(
        ["git", "-C", os.fspath(folder), *arguments],
        timeout=timeout,
        env=isolated(),
        running=running,
    )


def not_owned(path: Path, messages: str, *, fetched: bool = False) -> GitshelfError | None:
    """The error for a repository `path` that git, by its `messages`, does not read because it
    belongs to another user; None if they do not say so. `fetched`: it was to be fetched from.

    The remedy names the path that git compares. In a work tree that is the one in the message; for
    a fetch it is that of `.git`, whereas the message names what a file `.git` leads to.
    """
    if "dubious ownership" not in messages:
        return None
    match = re.search(
        r"^fatal: detected dubious ownership in repository at '(.*)'$", messages, re.M
    )
    compared = match[1] if match else str(path)
    if fetched:
        places = (path / ".git", path, path.with_name(f"{path.name}.git"))
        compared = next((str(place) for place in places if place.exists()), compared)
    return GitshelfError(
        f"{path} belongs to another user, so git does not read it",
        f"git config --global --add safe.directory {shlex.quote(compared)}",
    )


def toplevel(folder: Path) -> str:
    """The work tree that `folder` is in. Raises GitshelfError if it is in none."""
    result = run_in(folder, ["rev-parse", "--show-toplevel"])
    foreign = not_owned(folder, result.err)
    if foreign:
        raise foreign
    if not result.ok:
        raise GitshelfError(
            f"{{here}} stands for the git repository that holds the manifest, and {folder} is in "
            f"none ({last_line(result.err)})",
            "put the manifest into a repository, or give --token here=PATH",
        )
    return os.fsdecode(result.out.removesuffix(b"\n"))


def reason(output: str, where: Path) -> str:
    """Why a git that was writing at `where` failed: its `last_line`; and that the disk is full,
    which git does not say if it cannot write a configuration."""
    line = last_line(output)
    return f"{line}: {_NO_ROOM}" if not tells_no_room(line) and _is_full(where) else line


def tells_no_room(message: str) -> bool:
    """Whether a message of git, or of git-lfs (in small letters), says that a disk is full."""
    return _NO_ROOM.lower() in message.lower()


def _is_full(where: Path) -> bool:
    nearest = next((path for path in (where, *where.parents) if path.exists()), None)
    if nearest is None:
        return False
    disk = os.statvfs(nearest)
    return disk.f_bavail * disk.f_frsize < _FULL or (disk.f_files > 0 and disk.f_favail == 0)


def last_line(output: str) -> str:
    """The line of git's messages that says most: that of a full disk, as others follow from it;
    else the last `fatal:` or `error:`; else the last. That a repository could not be read counts
    only if no other line says why: ssh or the server's git does."""
    messages = [line.strip() for line in output.splitlines() if line.strip()]
    lines = [line for line in messages if not line.startswith(_NO_REASON)] or messages
    for line in lines:
        if tells_no_room(line):
            return line.removeprefix("fatal: ").removeprefix("error: ")
    for prefix in ("fatal: ", "error: ", "ERROR: ", "remote: "):
        for line in reversed(lines):
            if line.startswith(prefix):
                return line.removeprefix(prefix)
    return process.last_line("\n".join(lines)) or "git gave no reason"
