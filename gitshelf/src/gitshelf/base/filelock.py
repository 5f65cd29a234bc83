"""One lock for one thing at a time, held by an open file (flock(2))."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitshelf.base.errors import GitshelfError

_PAUSE = 0.05  # seconds between two tries


@contextmanager
def lock_file(path: Path, timeout: float, busy: str) -> Iterator[int]:
    """Hold the lock file `path` alone, made if it is missing; yields its open file.

    Raises GitshelfError after `timeout` seconds, saying that another run `busy`.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise GitshelfError(
                        f"another run {busy} for {timeout:g} s",
                        "wait for it, or end it, and try again",
                    ) from None
                time.sleep(_PAUSE)
        yield handle
    finally:
        os.close(handle)
