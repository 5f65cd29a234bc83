"""The cache: a bare store per URL, commits by id, and spliced books ready to be copied.

Everything in it can be deleted at any time, and everything is written aside and renamed, so that
runs may share it and may be killed. Layout, under `$XDG_CACHE_HOME/gitshelf/v1/`:

    stores/<name>.git   shallow; full/<name>.git   with history; pins kept as refs/pins/<id>
    objects/<id>        commits and tags, each as git hashes it
    chunks/<key>.tar    the entries of one book; <key>.json says what they are
    locks/<name>        one writer per store
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gitshelf.base import files
from gitshelf.base.errors import GitshelfError
from gitshelf.base.filelock import lock_file
from gitshelf.cache.homes import cache_home
from gitshelf.formats import gitobjects
from gitshelf.git.urls import store_name

_VERSION = "v1"
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_CONFIG_SHA256 = (
    "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
)


@dataclass(frozen=True, slots=True)
class Store:
    """A bare repository of the cache."""

    path: Path
    lock_path: Path
    width: int

    def has_pin(self, commit: str) -> bool:
        """Whether an earlier fetch from this URL brought this commit or tag."""
        if (self.path / "refs" / "pins" / commit).exists():
            return True
        with suppress(OSError):
            return f"{commit} refs/pins/{commit}" in (self.path / "packed-refs").read_text()
        return False

    @property
    def is_shallow(self) -> bool:
        """Whether it says of itself that its histories end before their beginning."""
        with suppress(OSError):
            return (self.path / "shallow").stat().st_size > 0
        return False

    def note_use(self) -> None:
        """Note that it was used now, for `gitshelf cache prune`."""
        with suppress(OSError):
            os.utime(self.path)

    @contextmanager
    def writing(self, timeout: float) -> Iterator[int]:
        """Be the only writer; makes the store if it is missing and clears what a killed writer
        left. Yields the lock's file descriptor: a child that inherits it keeps the lock, so a git
        that outlives a killed gitshelf is waited for. Raises GitshelfError after `timeout` s."""
        busy = f"has been writing {self.lock_path.name}"
        with lock_file(self.lock_path, timeout, busy) as handle:
            if not (self.path / "HEAD").is_file():
                self._create()
            for stale in (*self.path.glob("*.lock"), *self.path.glob("refs/pins/*.lock")):
                files.remove(stale)
            for stale in self.path.glob("objects/pack/tmp_*"):
                files.remove(stale)
            yield handle

    def _create(self) -> None:
        part = files.part_path(self.path)
        for folder in ("objects/pack", "objects/info", "refs/pins", "refs/heads"):
            (part / folder).mkdir(parents=True)
        (part / "config").write_text(_CONFIG if self.width == 40 else _CONFIG_SHA256)
        (part / "HEAD").write_text("ref: refs/heads/main\n")
        if self.path.exists():
            files.remove(self.path)
        part.rename(self.path)


class Cache:
    """The cache's folder; made when it is first used. Raises GitshelfError if it cannot be."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = (root or cache_home()) / _VERSION
        try:
            for folder in ("stores", "full", "objects", "chunks", "locks"):
                (self._root / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GitshelfError(
                f"the cache {self._root} cannot be made: {error.strerror}",
                "set XDG_CACHE_HOME to a folder you may write to",
            ) from None

    @property
    def root(self) -> Path:
        """The folder that holds the layout above."""
        return self._root

    def store(self, url: str, width: int = 40, *, full: bool = False) -> Store:
        """The store for one URL and one hash; `full` for the one that holds the history."""
        kind = "full" if full else "stores"
        name = store_name(url, width)
        return Store(self._root / kind / name, self._root / "locks" / f"{kind}-{name}", width)

    def git_object(self, object_id: str) -> tuple[str, bytes] | None:
        """Type and content of a commit or tag seen before, or None."""
        try:
            data = (self._root / "objects" / object_id).read_bytes()
        except OSError:
            return None
        header, _, content = data.partition(b"\0")
        kind = header.split(b" ")[0].decode("ascii", "replace")
        if gitobjects.object_id(kind, content, object_id) != object_id:
            return None
        return kind, content

    def keep_object(self, object_id: str, kind: str, content: bytes) -> None:
        """Remember a commit or tag."""
        data = b"%b %d\0%b" % (kind.encode(), len(content), content)
        files.write(self._root / "objects" / object_id, data)

    def chunk(self, *key: object) -> Path:
        """The path, without suffix, of the spliced book with this key."""
        text = "\0".join(str(part) for part in key)
        return (
            self._root
            / "chunks"
            / hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        )

    def sweep(self) -> None:
        """Remove what killed runs left half written."""
        for folder in ("objects", "chunks", "stores", "full"):
            with os.scandir(self._root / folder) as entries:
                parts = [e.path for e in entries if e.name.startswith(".")]
            for part in parts:
                path = Path(part)
                name = path.name[1:].rpartition(".part-")[0]
                files.sweep_parts(path.with_name(name))


def store_named(root: Path, kind: str, name: str) -> Store:
    """The store `name` of a kind (stores, full) in the cache folder `root`."""
    width = 64 if name.endswith("-sha256.git") else 40
    return Store(root / kind / name, root / "locks" / f"{kind}-{name}", width)
