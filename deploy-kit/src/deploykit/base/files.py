"""Files that are whole or not there: made aside, then renamed over the old one."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yields a free name beside `target`; what the block makes there is then renamed over it.

    If the block fails, `target` stays as it was and nothing is left; a killed process leaves the
    name aside (`.NAME.PID-THREAD.new`), which nobody reads. Several may do this at the same time:
    the last one's content stays.
    """
    aside = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.new")
    aside.unlink(missing_ok=True)
    try:
        yield aside
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def open_log(file: Path) -> IO[str]:
    """`file` open for appending text; readable by this user alone if it is new."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return os.fdopen(handle, "a", encoding="utf-8", errors="replace")


def write(target: Path, content: str | bytes, *, mode: int = 0o666, sync: bool = False) -> None:
    """Write `content` (text as UTF-8) as `target`, whole or not at all, as `replacing` does.

    Who may read it: `mode` less the umask. With `sync` it is on the disk before it is renamed.
    The folder must be there. Raises OSError.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(target) as aside:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "wb") as sink:
            sink.write(data)
            if sync:
                sink.flush()
                os.fsync(sink.fileno())


def write_new(target: Path, content: str, *, mode: int = 0o666) -> None:
    """As `write`, on the disk before it has its name, and never in the place of another file.

    Raises FileExistsError if there is one.
    """
    aside = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        write(aside, content, mode=mode, sync=True)
        os.link(aside, target)
    finally:
        aside.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove `folder`, if it is there: it has another name before the first of it goes."""
    leaving = folder.with_name(f".gone-{folder.name}")
    shutil.rmtree(leaving, ignore_errors=True)
    try:
        folder.rename(leaving)
    except FileNotFoundError:
        return
    shutil.rmtree(leaving, ignore_errors=True)
