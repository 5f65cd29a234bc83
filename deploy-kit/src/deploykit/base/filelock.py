"""A lock among processes and threads of one machine that no killed holder keeps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout, UnixFileLock

from deploykit.base.errors import DeployKitError

POLL = 0.02  # seconds between two tries


@contextlib.contextmanager
def locked(file: Path, timeout: float) -> Iterator[None]:
    """Hold `file`'s lock (flock(2)); it and its folder are made if they are missing.

    Raises DeployKitError if somebody else holds it for longer than `timeout` seconds.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # An object of its own per call: threads of one process exclude each other as processes do.
    lock = UnixFileLock(file, timeout=timeout, mode=0o600, thread_local=False, poll_interval=POLL)
    try:
        lock.acquire()
    except Timeout:
        raise DeployKitError(
            f"another process has held {file} for {timeout:.0f} s",
            "wait for it to end, then run this again",
        ) from None
    try:
        yield
    finally:
        lock.release()
