"""SHA256SUMS of a release's folder, and its SSH signature.

Plain tools read both: `sha256sum -c SHA256SUMS`, and `ssh-keygen -Y verify -n gitshelf-kit`
(formats: coreutils' sha256sum, OpenSSH's PROTOCOL.sshsig). Standard library only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from gitshelf.base import files, process
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.kit.signers import NAMESPACE, signer_of

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
_MAX_FILE = 4 << 20
_TIMEOUT = 60.0
_NO_REASON = "no reason given"


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    try:
        with path.open("rb", buffering=0) as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise GitshelfError(f"{path}: {error.strerror}") from None


def read_sums(folder: Path) -> dict[str, str]:
    """What SHA256SUMS in `folder` says: file name to SHA-256. Empty if there is none.

    Raises Refused for a line that sha256sum would not have written for a plain name.
    """
    if not os.path.lexists(folder / SUMS):
        return {}
    try:
        return _parse_sums(_read_small(folder / SUMS), folder)
    except GitshelfError as error:
        raise Refused(error.message, error.remedy) from None


def _parse_sums(data: bytes, folder: Path) -> dict[str, str]:
    try:
        lines = data.decode("utf-8").removesuffix("\n").split("\n") if data else []
    except UnicodeDecodeError:
        raise Refused(f"{folder / SUMS} is not a list of sha256sum") from None
    sums: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        digest, two, name = line[:64], line[64:66], line[66:]
        if len(digest) != 64 or two not in ("  ", " *") or not name or name in sums:
            raise Refused(f"{folder / SUMS}:{number}: not a line of sha256sum")
        sums[name] = digest
    return sums


def write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Write SHA256SUMS; a signature that covered other sums is removed."""
    for name in sums:
        if "\n" in name or "\\" in name or "/" in name:
            raise GitshelfError(f"{name!r} cannot be listed in {SUMS}", "give it a plain name")
    lines = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
    target = folder / SUMS
    if target.exists() and target.read_bytes() == lines.encode():
        return
    files.remove(folder / SIGNATURE)
    files.write(target, lines.encode(), durable=True)


def sign_release(folder: Path, key: Path) -> Path:
    """Write SHA256SUMS of exactly the files in `folder`, sign it with the SSH key, return the
    signature's path.

    `key` is a private key without a passphrase, or a public key whose private half an agent
    holds. Raises GitshelfError if the folder or the key cannot be used.
    """
    folder = Path(folder)
    names = []
    for path in sorted(folder.iterdir()):
        if path.name in (SUMS, SIGNATURE) or path.name.startswith("."):
            continue
        if not path.is_file() or path.is_symlink():
            raise GitshelfError(
                f"{path} is not a plain file", "keep only a release's files in its folder"
            )
        names.append(path.name)
    write_sums(folder, {name: file_digest(folder / name) for name in names})
    return sign_sums(folder, key)


def check_key(key: Path) -> None:
    """Raises GitshelfError if there is no such key."""
    if not Path(key).is_file():
        raise GitshelfError(
            f"the signing key {key} is not there", "make one: ssh-keygen -t ed25519 -f FILE -N ''"
        )


def sign_sums(folder: Path, key: Path) -> Path:
    """Sign the SHA256SUMS that is in `folder` with an SSH key, and return the signature's path."""
    check_key(key)
    result = process.run(
        ["ssh-keygen", "-Y", "sign", "-f", os.fspath(key), "-n", NAMESPACE],
        timeout=_TIMEOUT,
        input=(folder / SUMS).read_bytes(),
        env={**os.environ, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"},
    )
    if not result.ok or not result.out.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise GitshelfError(
            f"signing with {key} failed: {process.last_line(result.err) or _NO_REASON}",
            "use a private key without a passphrase, or a public key that ssh-agent holds",
        )
    target = folder / SIGNATURE
    files.write(target, result.out, durable=True)
    return target


def check_signature(folder: Path, signers: Path) -> tuple[str, dict[str, str]]:
    """Who signed SHA256SUMS in `folder`, by the names in the allowed-signers file `signers`, and
    what the signed list says: file name to SHA-256.

    Raises Refused if the signature is missing, wrong, or by a key that `signers` does not name.
    """
    signers = Path(signers)
    if not signers.is_file():
        raise GitshelfError(
            f"{signers} is not there", "name a file in ssh-keygen's ALLOWED SIGNERS form"
        )
    signature = folder / SIGNATURE
    if not signature.is_file() or not (folder / SUMS).is_file():
        raise Refused(
            f"{folder}: there is no {SUMS} with its signature beside the kit",
            "get the whole release folder, or sign it: gitshelf build --key KEY",
        )
    _read_small(signature)
    data = _read_small(folder / SUMS)
    signer = signer_of(signature, data, _read_small(signers), os.fspath(signers))
    return signer, _parse_sums(data, folder)


def _read_small(path: Path) -> bytes:
    """The bytes of a file that people and ssh-keygen write. Raises GitshelfError if it cannot be
    read, Refused if it is too big to be one."""
    try:
        with path.open("rb") as handle:
            data = handle.read(_MAX_FILE + 1)
    except OSError as error:
        raise GitshelfError(f"{path}: {error.strerror}", "check its rights") from None
    if len(data) > _MAX_FILE:
        raise Refused(f"{path} is too big", "get it again from where it was released")
    return data
