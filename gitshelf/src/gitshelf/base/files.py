"""Writing aside and renaming, so that nobody ever sees half a file."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_PART = re.compile(r"\.part-(\d+)-[0-9a-f]{8}$")


def part_path(target: Path) -> Path:
    """A fresh name beside `target` that tells which process it belongs to."""
    return target.with_name(f".{target.name}.part-{os.getpid()}-{os.urandom(4).hex()}")


def sweep_parts(target: Path) -> None:
    """Remove what killed processes left beside `target` while writing it."""
    for path in target.parent.glob(f".{_escaped(target.name)}.part-*"):
        match = _PART.search(path.name)
        if match and not _alive(int(match.group(1))):
            remove(path)


@contextmanager
def replacing(target: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `target` only when the block ends without an error.

    With `durable`, the bytes are on the disk before the name is, and what killed processes left
    of earlier attempts is removed.
    """
    if durable:
        sweep_parts(target)
    part = part_path(target)
    try:
        with part.open("xb", buffering=0) as raw:
            yield raw
            if durable:
                os.fsync(raw.fileno())
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    if durable:
        sync_folder(target.parent)


def write(target: Path, data: bytes, *, durable: bool = False, mode: int | None = None) -> None:
    """Write `data` as `target`, at once or not at all; with the access rights `mode`, if given."""
    with replacing(target, durable=durable) as out:
        if mode is not None:
            os.fchmod(out.fileno(), mode)
        view = memoryview(data)
        while view:
            view = view[out.write(view) :]


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_link(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target`, or turn the one that is there, at once."""
    sweep_parts(path)
    part = part_path(path)
    part.symlink_to(target)
    part.replace(path)


def remove_aside(path: Path) -> None:
    """Remove a file or a whole folder that has been renamed before, so that nobody sees half of it;
    what a killed run leaves is swept as all parts are. Raises OSError if it cannot be renamed."""
    part = part_path(path)
    path.rename(part)
    remove(part)


def remove(path: Path) -> None:
    """Remove a file or a whole folder; what is already gone is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)
