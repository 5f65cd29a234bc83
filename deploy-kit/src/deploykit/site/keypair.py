"""Key pairs of OpenSSH: those that people sign with and those that nodes let in are made alike."""

from __future__ import annotations

from pathlib import Path

from deploykit.base.filelock import locked
from deploykit.base.process import run

TIMEOUT = 20.0  # seconds for ssh-keygen, and for another process that makes the same pair


def make_key(key: Path, comment: str) -> None:
    """Make the key pair `key` and `key`.pub, unless it is there: whole or not at all.

    ed25519, no passphrase, the private half readable by this user alone, `comment` in the public
    one. Who comes second takes the first's. Raises CommandFailed if ssh-keygen refuses.
    """
    for folder in (key.parent.parent, key.parent):  # mkdir's mode is for the last one only
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(key.parent / ".lock", TIMEOUT):
        if key.exists():
            return
        aside = key.with_name(f".{key.name}.new")
        for left in (aside, Path(f"{aside}.pub")):
            left.unlink(missing_ok=True)
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment]
        run([*words, "-f", aside], timeout=TIMEOUT)
        # The private key last: if it is there, so is its public one.
        Path(f"{aside}.pub").replace(f"{key}.pub")
        aside.replace(key)
