"""Bringing the objects of Git LFS into a store of the cache, with the program git-lfs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitshelf import git
from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Result, Running, Timeout, TooMuch
from gitshelf.cache import Store
from gitshelf.formats import gitobjects
from gitshelf.formats.pointers import Pointer
from gitshelf.formats.tar import printable
from gitshelf.git import urls
from gitshelf.git.reader import ObjectReader

_OPTIONS = ("lfs.fetchinclude=", "lfs.fetchexclude=", "lfs.locksverify=false", "lfs.dialtimeout=30")
_REMOTE = "gitshelf"
ENVIRONMENT = {"GIT_ASKPASS": ""}
"""What git-lfs needs: it would take any askpass, even one that says nothing, before the user's
credential helper, and ask it again for ever."""
CONFIG = ".lfsconfig"
MAX_CONFIG = 1 << 20
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")
_CREDENTIALS = re.compile(
    r"credentials for|Authorization error|Authentication required|terminal prompts disabled|"
    r"could not read (Username|Password)",
    re.I,
)
_ELSE = "or write `lfs: omit` in the book"


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit `id` with its `tree`, fetched from `url`; of its folders only `path` matters."""

    url: str
    id: str
    tree: str
    path: str


class Objects:
    """The LFS objects of one store. `timeout` is in seconds and for all of one commit's objects;
    `fetching` says whether the repository may be asked, `servers` who may get credentials."""

    def __init__(
        self,
        store: Store,
        running: Running,
        timeout: float,
        *,
        fetching: bool,
        servers: Iterable[str],
    ) -> None:
        self._store = store
        self._servers = frozenset(servers)
        self._running = running
        self._timeout = timeout
        self._fetching = fetching

    def bring(
        self, reader: ObjectReader, commit: Commit, pointers: Mapping[bytes, Pointer]
    ) -> dict[str, Path]:
        """The file of each object by its oid, for the `pointers` by their paths.

        Raises GitshelfError, naming a file, if the LFS server does not have the object of one.
        """
        objects = {pointer.oid: self._file(pointer.oid) for pointer in pointers.values()}
        if self._missing(pointers):
            if not self._fetching:
                raise not_there(self._missing_text(pointers))
            server = server_named(_config(reader, commit.tree), commit.url)
            result = self._fetch(commit, server)
            if self._missing(pointers):
                stranger = stranger_of(server or commit.url, self._servers)
                raise failure(self._missing_text(pointers), result, self._store.path, stranger)
        return objects

    def _file(self, oid: str) -> Path:
        return self._store.path / "lfs" / "objects" / oid[:2] / oid[2:4] / oid

    def _missing(self, pointers: Mapping[bytes, Pointer]) -> list[bytes]:
        return [path for path, pointer in pointers.items() if not self._has(pointer)]

    def _has(self, pointer: Pointer) -> bool:
        try:
            return self._file(pointer.oid).stat().st_size == pointer.size
        except OSError:
            return False

    def _missing_text(self, pointers: Mapping[bytes, Pointer]) -> str:
        missing = self._missing(pointers)
        more = f" (and of {len(missing) - 1} more files)" if len(missing) > 1 else ""
        return f"the LFS object of {printable(missing[0])}{more}"

    def _fetch(self, commit: Commit, server: str) -> Result:
        url, path = commit.url, commit.path
        options = [*_OPTIONS, f"remote.{_REMOTE}.url={url}"]
        if server:
            options.append(f"lfs.url={server}")
        only = ["-I", path] if path and _PLAIN_PATH.fullmatch(path) else []
        arguments = [word for option in options for word in ("-c", option)]
        with self._store.writing(self._timeout) as handle:
            try:
                return git.run(
                    [*arguments, "lfs", "fetch", *only, _REMOTE, commit.id],
                    git_dir=self._store.path,
                    timeout=self._timeout,
                    env=git.isolated(self._servers, server or url),
                    extra_env=ENVIRONMENT,
                    pass_fds=(handle,),
                    running=self._running,
                    bounds=git.ANSWER,
                )
            except TooMuch as error:
                raise TooMuch(f"LFS objects of {url}: {error.message}", error.remedy) from None
            except Timeout as error:
                message = f"the LFS objects of {url} did not come within {self._timeout:g} s"
                raise Timeout(message, error.remedy) from None


def not_there(what: str) -> GitshelfError:
    """The error for `what`, which would have to be fetched, if nobody may be asked."""
    return GitshelfError(f"{what} is not in the cache", "run once without --offline")


def stranger_of(server: str, servers: Iterable[str]) -> str:
    """The server of an LFS URL if it is none of `servers`, and so gets no credentials; else ""."""
    origin = urls.server_of(server)
    return "" if origin in servers else origin


def failure(what: str, result: Result, where: Path, stranger: str = "") -> GitshelfError:
    """The error for `what`, which is not there although git-lfs, writing at `where`, has ended with
    `result`; `stranger` is the server that was asked, if that gets no credentials."""
    if "'lfs' is not a git command" in result.err:
        return GitshelfError(
            f"{what} is fetched with git-lfs, which is not installed",
            f"install it (Debian: git-lfs), {_ELSE}",
        )
    reason = git.reason(result.err, where)
    if git.tells_no_room(reason):
        return GitshelfError(f"{what}: {reason}", "make room on its disk, then try again")
    if not result.ok and stranger and _CREDENTIALS.search(result.err):
        return GitshelfError(
            f"{what} asks for credentials, and gets none: it is at {stranger}, which is no server "
            "that the manifest names",
            f"if you trust it: git config --global credential.{stranger}.helper HELPER; {_ELSE}",
        )
    if not result.ok and _CREDENTIALS.search(result.err):
        return GitshelfError(
            f"{what} asks for credentials ({reason})",
            "give git access without a prompt, by a credential helper; then try again",
        )
    return GitshelfError(
        f"{what} cannot be fetched ({reason})",
        f"push it with git lfs push, pin another commit, {_ELSE}",
    )


def server_named(content: bytes, url: str) -> str:
    """The LFS server that a .lfsconfig of the repository `url` names, "" if it names none. Raises
    GitshelfError for one that no book may have."""
    if not content:
        return ""
    result = git.run(["config", "--file", "-", "--get", "lfs.url"], input=content)
    server = result.out.decode("utf-8", "replace").strip()
    if not server:
        return ""
    try:
        return urls.check_inner_url(server, url)
    except ValueError as error:
        shown = urls.hide_password(server)
        raise GitshelfError(
            f"the LFS server {shown} of its .lfsconfig {error}",
            f"correct .lfsconfig in its repository, {_ELSE}",
        ) from None


def _config(reader: ObjectReader, root: str) -> bytes:
    ((_, tree),) = reader.read([root])
    for item in gitobjects.parse_tree(tree, root):
        if item.path == CONFIG.encode() and item.mode in gitobjects.REGULAR:
            for _, size in reader.headers([item.id]):
                if size > MAX_CONFIG:
                    raise too_big()
                return reader.content(size)
    return b""


def too_big() -> GitshelfError:
    """The error that a .lfsconfig has more than MAX_CONFIG bytes."""
    return GitshelfError("its .lfsconfig is too big", _ELSE.removeprefix("or "))
