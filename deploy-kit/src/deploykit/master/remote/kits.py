"""Kits on the master: taken in, verified again, unpacked by digest, made current."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .files import write
from .protocol import AgentError, Channel

ROOT = Path("/srv/kits")
DIGEST = re.compile(r"[0-9a-f]{64}")
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def folder(digest: str) -> Path:
    """Where the kit `digest` (64 hex digits) is unpacked. Raises AgentError for other text."""
    if not DIGEST.fullmatch(digest):
        raise AgentError(f"not a digest: {digest!r}")
    return ROOT / digest


def present(digest: str) -> bool:
    """Whether the kit is already verified and unpacked here."""
    return folder(digest).is_dir()


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
    gitshelf's own error where anything does not fit; nothing is unpacked then.
    """
    from gitshelf import extract

    target = folder(digest)
    incoming = ROOT / ".incoming" / digest
    trusted = incoming / ".allowed_signers"
    try:
        write(trusted, signers.encode())
        extract(incoming / kit, target, signers=trusted, digest=digest)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def current() -> str | None:
    """The digest that `current` points at, or None."""
    try:
        return (ROOT / "current").readlink().name
    except FileNotFoundError:
        return None


def make_current(digest: str) -> None:
    """Point `current` at `digest`, in one step; kits older than the one before it go."""
    before = current()
    target = folder(digest)
    if not target.is_dir():
        raise AgentError(f"the kit {digest} is not on this master")
    aside = ROOT / ".current.new"
    aside.unlink(missing_ok=True)
    aside.symlink_to(target.name)
    aside.replace(ROOT / "current")
    prune([before or digest])


def prune(keep: list[str]) -> list[str]:
    """Remove unpacked kits that are neither current nor in `keep`, and uploads that were cut off.

    Returns the digests that went.
    """
    shutil.rmtree(ROOT / ".incoming", ignore_errors=True)
    stay = {*keep, current()}
    gone = [
        entry.name
        for entry in ROOT.iterdir()
        if DIGEST.fullmatch(entry.name) and entry.name not in stay
    ]
    for digest in gone:
        shutil.rmtree(ROOT / digest)
    return gone
