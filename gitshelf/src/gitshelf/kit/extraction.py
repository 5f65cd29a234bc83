"""Unpacking a kit that was proved, whole or not at all. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path

from gitshelf.base import files
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.formats import compression, tar
from gitshelf.formats.tarreader import Reader
from gitshelf.kit.unpacked import verify_folder
from gitshelf.kit.verification import Verified, verify


def extract(
    kit: Path, destination: Path, *, signers: Path | None = None, digest: str | None = None
) -> Verified:
    """Prove `kit` (as `verify` does) and unpack it as the folder `destination`.

    The folder appears by a rename, complete and on the disk. If it holds this release already,
    nothing is written; raises Refused if it was changed since, GitshelfError if it holds something
    else. Raises Refused before anything is unpacked if the kit is not as it should be.
    """
    destination = Path(os.path.abspath(destination))  # noqa: PTH100 - a link may be the parent
    verified = verify(kit, signers=signers, digest=digest)
    files.sweep_parts(destination)
    if _holds(destination, verified):
        return verified
    # The rename takes the place of an empty folder, and of nothing else.
    empty = destination.is_dir() and not destination.is_symlink()
    empty = empty and not any(destination.iterdir())
    if os.path.lexists(destination) and not empty:
        raise GitshelfError(
            f"{destination} is in the way: it is not this release",
            "name a folder that is not there yet",
        )
    part = files.part_path(destination)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir(mode=0o755)
        _unpack(verified, part)
        os.sync()
        part.rename(destination)
        files.sync_folder(destination.parent)
    except OSError as error:
        if _holds(destination, verified):
            return verified
        raise GitshelfError(
            f"{destination}: cannot be unpacked: {error.strerror}", "check its disk and its rights"
        ) from None
    finally:
        files.remove(part)
    return verified


def _holds(folder: Path, verified: Verified) -> bool:
    """Whether this release was unpacked as `folder` before. Raises Refused, with names, if it was
    changed since."""
    try:
        lock_bytes = (folder / "KIT" / "lock.json").read_bytes()
    except OSError:
        return False
    if folder.is_symlink() or lock_bytes != verified.lock.to_bytes():
        return False
    verify_folder(folder, verified)
    return True


def _unpack(verified: Verified, folder: Path) -> None:
    """Write every entry below `folder`; the kit must still be the one that was verified.

    Names and links were checked by `verify` on the same bytes, which the digest shows: nothing
    unpacked is used (renamed) before it has been compared.
    """
    root = os.fsencode(folder) + b"/"
    folders: list[tar.Entry] = []
    links: list[tar.Entry] = []
    with compression.open_tar(verified.path) as source:
        reader = Reader(source)
        while (entry := reader.entry()) is not None:
            tar.check_path(entry.name.removesuffix(b"/"), link=entry.kind == tar.LINK)
            target = root + entry.name
            if entry.kind == tar.FOLDER:
                os.mkdir(target)  # noqa: PTH102 - bytes
                folders.append(entry)
            elif entry.kind == tar.LINK:
                links.append(entry)
            else:
                _write(reader, entry, target)
        if reader.digest != verified.digest:
            raise Refused(f"{verified.path} changed while it was unpacked")
    # Links come last: while files are written there is no link that a name could lead through.
    for entry in links:
        os.symlink(entry.link, root + entry.name)  # noqa: PTH211 - bytes
        os.utime(root + entry.name, (entry.mtime, entry.mtime), follow_symlinks=False)
    for entry in reversed(folders):
        os.chmod(root + entry.name, entry.mode)  # noqa: PTH101 - bytes
        os.utime(root + entry.name, (entry.mtime, entry.mtime))
    folder.chmod(0o755)


def _write(reader: Reader, entry: tar.Entry, target: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    handle = os.open(target, flags, 0o600)
    try:
        for piece in reader.content(entry):
            view = memoryview(piece)
            while view:
                view = view[os.write(handle, view) :]
        os.fchmod(handle, entry.mode)
        os.utime(handle, (entry.mtime, entry.mtime))
    finally:
        os.close(handle)
