"""Kits on the master: taken in, verified again, unpacked by digest, made current."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from .files import write
from .protocol import AgentError, Channel

ROOT = Path("/srv/kits")
DIGEST = re.compile(r"[0-9a-f]{64}")
WORKING = "working"  # beside the kits: the working copy of somebody who develops here
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def folder(digest: str) -> Path:
    """Where the kit `digest` (64 hex digits, or WORKING) is. Raises AgentError for other text."""
    if digest != WORKING and not DIGEST.fullmatch(digest):
        raise AgentError(f"not a digest: {digest!r}")
    return ROOT / digest


def present(digest: str) -> bool:
    """Whether the kit is unpacked here, and every file of it is still what it was.

    A working copy is what it is: nobody signed it.
    """
    if digest == WORKING:
        return folder(WORKING).is_dir()
    from gitshelf.base.errors import GitshelfError
    from gitshelf.kit.unpacked import verify_folder

    try:
        verify_folder(folder(digest), digest=digest)
    except GitshelfError:
        return False
    return True


def _remove(kit: Path) -> None:
    """Remove an unpacked kit: it is no kit any more before its first file goes."""
    leaving = ROOT / f".gone-{kit.name}"
    shutil.rmtree(leaving, ignore_errors=True)
    kit.rename(leaving)
    shutil.rmtree(leaving, ignore_errors=True)


def put(channel: Channel, digest: str, name: str, payload: int) -> None:
    """Take one file of a release's folder in, beside the shelf of verified kits."""
    if not FILE.fullmatch(name):
        raise AgentError(f"not a file name: {name!r}")
    incoming = ROOT / ".incoming" / folder(digest).name
    incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = incoming / f".{name}.part"
    with aside.open("wb") as sink:
        channel.payload(payload, sink)
    aside.replace(incoming / name)


def install(digest: str, kit: str, signers: str) -> None:
    """Verify the kit that was put here against `signers` and unpack it as ROOT/digest.

    `signers` is the text of an allowed_signers file, from the ledger. Raises AgentError or
    gitshelf's own error if anything does not fit; nothing is unpacked then.
    """
    from gitshelf.kit.extraction import extract

    target, aside = folder(digest), ROOT / f".new-{digest}"
    incoming = ROOT / ".incoming" / digest
    trusted = incoming / ".allowed_signers"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        write(trusted, signers.encode())
        with _temporary_files_in(incoming):
            extract(incoming / kit, aside, signers=trusted, digest=digest)
        if target.exists():  # what `present` found changed or half there
            _remove(target)
        aside.rename(target)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Lay temporary files in `folder`: what a killed agent leaves there, the next call removes."""
    before, tempfile.tempdir = tempfile.tempdir, os.fspath(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def put_working(channel: Channel, payload: int) -> bool:
    """Take the working copy's `salt/` in, as an uncompressed tar of files in `salt/`.

    What is there gives way in one step. Returns whether it was taken: a folder that is mounted
    there is the working copy already. Raises AgentError for a member that is no plain file below.
    """
    target = ROOT / WORKING
    aside, old = ROOT / f".{WORKING}.new", ROOT / f".{WORKING}.old"
    for left in (aside, old):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryFile() as tar:
        channel.payload(payload, tar)
        if (target / "salt").is_mount():
            return False
        tar.seek(0)
        _unpack(tar, aside)
    if target.exists():
        target.rename(old)
    aside.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return True


def _unpack(tar: IO[bytes], folder: Path) -> None:
    with tarfile.open(fileobj=tar, mode="r:") as members:
        for member in members:
            path = PurePosixPath(member.name)
            if not member.isfile() or path.is_absolute() or ".." in path.parts:
                raise AgentError(f"not a plain file of the working copy: {member.name!r}")
            content = members.extractfile(member)
            assert content is not None
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.read())
            file.chmod(0o755 if member.mode & 0o100 else 0o644)
            os.utime(file, (member.mtime, member.mtime))


def current() -> str | None:
    """The digest that `current` points at, or None."""
    try:
        return (ROOT / "current").readlink().name
    except FileNotFoundError:
        return None


def make_current(digest: str) -> None:
    """Point `current` at `digest`, in one step; kits older than the one before it go.

    If it is current already, as after a deployment that was cut off just then, all kits stay: which
    of them was the one before is not known any more.
    """
    before = current()
    target = folder(digest)
    if not target.is_dir():
        raise AgentError(f"the kit {digest} is not on this master")
    aside = ROOT / ".current.new"
    aside.unlink(missing_ok=True)
    aside.symlink_to(target.name)
    aside.replace(ROOT / "current")
    prune([before or digest] if before != digest else [entry.name for entry in ROOT.iterdir()])


def prune(keep: list[str]) -> list[str]:
    """Remove unpacked kits that are neither current nor in `keep`, and uploads that were cut off.

    Returns the digests that went.
    """
    shutil.rmtree(ROOT / ".incoming", ignore_errors=True)
    stay = {*keep, current()}
    digests = [
        entry.name
        for entry in ROOT.iterdir()
        if DIGEST.fullmatch(entry.name) and entry.name not in stay
    ]
    for digest in digests:
        _remove(ROOT / digest)
    for left in ROOT.glob(".gone-*"):
        shutil.rmtree(left, ignore_errors=True)
    return digests
