"""Reading objects of a store through one `git cat-file`, byte-exact, streamed."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from gitshelf import git
from gitshelf.base import process
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.base.process import Running
from gitshelf.formats import gitobjects
from gitshelf.formats.gitobjects import Item

_BATCH = 400
"""Ids asked for at a time; two batches (of 64-digit ids) fit into a pipe, so nobody waits."""
_PIECE = 1 << 20
_USAGE = 129
"""What git exits with when it does not know an option."""


class Missing(GitshelfError):
    """An object is not in the store, or the store is damaged."""


class ObjectReader:
    """A `git cat-file --batch-command` on one store; use as a context manager.

    `timeout` (seconds) bounds the whole use.
    """

    def __init__(self, store: Path, running: Running, timeout: float) -> None:
        self._argv = git.argv(["cat-file", "--batch-command", "--buffer"], store)
        self.store = store
        self._running = running
        self._timeout = timeout

    def __enter__(self) -> ObjectReader:
        self._process = process.start(
            self._argv,
            env=git.isolated(),
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._running.add(self._process)
        self._timer = threading.Timer(self._timeout, process.end, (self._process,))
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        # Closing its input ends git; with an error, what it has still to say is of no use.
        if error is not None:
            process.end(self._process)
        # Closing writes what was buffered for a git that may have ended already.
        with suppress(BrokenPipeError):
            self._in.close()
        self._out.close()
        self._process.wait()
        self._running.discard(self._process)

    @property
    def _in(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def headers(self, ids: Sequence[str]) -> Iterator[tuple[str, int]]:
        """Type and size of each object in turn; read its content before taking the next."""
        self._ask(ids[:_BATCH])
        for start in range(0, len(ids), _BATCH):
            # Ask ahead, so that git works while this side does.
            self._ask(ids[start + _BATCH : start + 2 * _BATCH])
            for object_id in ids[start : start + _BATCH]:
                fields = self._out.readline().split()
                if len(fields) != 3 or fields[0] != object_id.encode():
                    raise self._broken(object_id)
                yield fields[1].decode(), int(fields[2])

    def content(self, size: int) -> bytes:
        """The content of the object whose header was read last."""
        data = self._out.read(size + 1)
        if len(data) != size + 1:
            raise self._broken("an object")
        return data[:-1]

    def pieces(self, size: int) -> Iterator[bytes]:
        """As `content`, in pieces of at most 1 MiB."""
        while size:
            piece = self._out.read(min(size, _PIECE))
            if not piece:
                raise self._broken("an object")
            size -= len(piece)
            yield piece
        if len(self._out.read(1)) != 1:
            raise self._broken("an object")

    def read(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Type and content of each object; for small ones."""
        for kind, size in self.headers(ids):
            yield kind, self.content(size)

    def trees(self, roots: Iterable[str]) -> dict[str, list[Item]]:
        """The trees `roots` and all trees below them, by id. Raises Unfit for one that git would
        not check out."""
        trees: dict[str, list[Item]] = {}
        level = list(dict.fromkeys(roots))
        while level:
            below: dict[str, None] = {}
            for object_id, (kind, content) in zip(level, self.read(level), strict=True):
                if kind != "tree":
                    raise self._broken(object_id)
                items = trees[object_id] = self._parse(content, object_id)
                below.update((item.id, None) for item in items if item.mode == gitobjects.TREE)
            level = [object_id for object_id in below if object_id not in trees]
        return trees

    def descend(self, root: str, path: bytes) -> tuple[str | None, dict[str, bytes]]:
        """The way from the tree `root` to its folder `path`: the folder's id, None if there is
        none, and the raw trees above it by id, from the root on. Raises as `trees` does."""
        tree, above = root, {}
        for name in filter(None, path.split(b"/")):
            ((_, content),) = self.read([tree])
            above[tree] = content
            inner = gitobjects.subfolder(self._parse(content, tree), name)
            if inner is None:
                return None, above
            tree = inner
        return tree, above

    def _parse(self, content: bytes, object_id: str) -> list[Item]:
        try:
            return gitobjects.parse_tree(content, object_id)
        except gitobjects.Unfit:
            if gitobjects.object_id("tree", content, object_id) == object_id:
                raise
            raise self._broken(object_id) from None

    def _ask(self, ids: Sequence[str]) -> None:
        if not ids:
            return
        lines = "".join([f"contents {object_id}\n" for object_id in ids])
        try:
            self._in.write(lines.encode() + b"flush\n")
            self._in.flush()
        except OSError:
            raise self._broken(ids[0]) from None

    def _broken(self, what: str) -> GitshelfError:
        if self._running.stopped:
            return process.Stopped("stopped")
        with suppress(subprocess.TimeoutExpired):
            if self._process.wait(0.2) == _USAGE:
                return GitshelfError("this git is too old", "install git 2.36 or newer")
        return Missing(
            f"{what} cannot be read from the cache {self.store}",
            "delete that folder and run again",
        )


def peel(reader: ObjectReader, object_id: str) -> list[tuple[str, str, bytes]]:
    """The way from a commit or annotated tag to its commit: id, type and content of each step.

    Raises GitshelfError if the id names neither.
    """
    steps: list[tuple[str, str, bytes]] = []
    while len(steps) < 10:
        ((kind, content),) = reader.read([object_id])
        if kind not in ("commit", "tag"):
            break
        if gitobjects.object_id(kind, content, object_id) != object_id:
            raise Refused(f"{object_id} is damaged")
        steps.append((object_id, kind, content))
        if kind == "commit":
            return steps
        object_id, _ = gitobjects.parse_tag(content)
    raise GitshelfError(f"{object_id} is a {kind}, not a commit", "write the id of a commit")
