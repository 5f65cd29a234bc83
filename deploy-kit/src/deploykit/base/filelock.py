"""A lock among processes and threads of one machine that no killed holder keeps."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from deploykit.base.errors import DeployKitError


@contextlib.contextmanager
def locked(file: Path, timeout: float) -> Iterator[None]:
    """Hold `file`'s lock (flock(2)); it and its folder are made if they are missing.

    Raises DeployKitError when somebody else holds it for longer than `timeout` seconds.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until, pause = time.monotonic() + timeout, 0.002
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise DeployKitError(
                        f"another process has held {file} for {timeout:.0f} s",
                        "wait for it to end, then run this again",
                    ) from None
                time.sleep(pause)
                pause = min(pause * 2, 0.1)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def only_one(file: Path, what: str) -> Iterator[None]:
    """Let one `what` of a site run: it holds `file`. Raises DeployKitError if there is one."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(file, 0.0))
        except DeployKitError:
            raise DeployKitError(
                f"another {what} of this site runs already", f"it holds {file}: end it first"
            ) from None
        yield
