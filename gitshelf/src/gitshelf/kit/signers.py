"""Whose key made a signature, by an allowed-signers file.

What ssh-keygen accepts is the truth: it judges each key, name, namespace and time. As it stops at
the first line that has the key, it is asked line by line about a key that stands in several.
Formats: ssh-keygen(1), ALLOWED SIGNERS; OpenSSH's PROTOCOL.sshsig. Standard library only.
"""

from __future__ import annotations

import base64
import os
import re
import tempfile
from pathlib import Path

from gitshelf.base import process
from gitshelf.base.errors import Refused
from gitshelf.base.printable import text
from gitshelf.base.process import Result

NAMESPACE = "gitshelf-kit"
_TIMEOUT = 60.0
_BOM = b"\xef\xbb\xbf"
_PATTERN = re.compile(r"[*?]")
_FINGERPRINT = re.compile(r"SHA256:\S+")
# What ssh-keygen says of a line that has the key, and of nothing else.
_NOT_IN_FORCE = re.compile(r":\d+: (key (?:has expired|is not yet valid|is not permitted)[^\r\n]*)")


def signer_of(signature: Path, data: bytes, signers: bytes, name: str) -> str:
    """The name that the allowed-signers file with the content `signers` gives to the key which made
    `signature` of `data`. `name` is what to call that file.

    If its lines name no single person (`*@example.org`), the name is the key's fingerprint with the
    pattern behind it. Raises Refused, with ssh-keygen's reason, if the signature does not fit, or
    if no line lets the key sign for NAMESPACE now.
    """
    validity = _ssh_keygen("check-novalidate", signature, data=data)
    if not validity.ok:
        raise Refused(f"{signature} does not fit {signature.stem}: {_reason(validity)}")
    lines = signers.removeprefix(_BOM).split(b"\n")
    with tempfile.TemporaryDirectory(prefix="gitshelf-") as folder:
        signers_file = Path(folder) / "allowed_signers"
        signers_file.write_bytes(b"\n".join(lines))
        names = _names(signers_file, signature)
        refusals: list[Result] = []
        for principal in [*names, *_names_by_line(lines, Path(folder), signature)]:
            result = _ssh_keygen(
                "verify", signature, "-I", principal, "-f", os.fspath(signers_file), data=data
            )
            if result.ok:
                return _shown(principal, validity)
            refusals.append(result)
        refusals.append(_ssh_keygen("find-principals", signature, "-f", os.fspath(signers_file)))
    for refusal in refusals:
        if reason := _NOT_IN_FORCE.search(refusal.err):
            raise Refused(
                f"{signature}: the key is in {name}, but not for this: {text(reason[1])}",
                "have it signed with a key that is in force, or correct its line there",
            )
    raise Refused(
        f"{signature}: the key is not one of {name}",
        "have it signed by someone you know, or add the key after checking it",
    )


def _ssh_keygen(question: str, signature: Path, *more: str, data: bytes | None = None) -> Result:
    argv = ["ssh-keygen", "-Y", question, "-n", NAMESPACE, "-s", os.fspath(signature), *more]
    return process.run(argv, timeout=_TIMEOUT, input=data, env={**os.environ, "LC_ALL": "C"})


def _reason(result: Result) -> str:
    line = process.last_line(result.err) or process.last_line(result.out.decode("utf-8", "replace"))
    return text(line) or "no reason given"


def _names(signers_file: Path, signature: Path) -> list[str]:
    """The names in the first line of `signers_file` that has the key and is in force, those of
    single people first."""
    out = _ssh_keygen("find-principals", signature, "-f", os.fspath(signers_file)).out
    names = [name for name in os.fsdecode(out).splitlines() if name and not name.startswith("!")]
    return sorted(names, key=lambda name: bool(_PATTERN.search(name)))


def _names_by_line(lines: list[bytes], folder: Path, signature: Path) -> list[str]:
    """The names of all lines that may have the key."""
    key = _key(signature)
    names: list[str] = []
    alone = folder / "line"
    for line in lines:
        if key in line or b"cert-authority" in line.lower():
            alone.write_bytes(line + b"\n")
            names += _names(alone, signature)
    return list(dict.fromkeys(names))


def _key(signature: Path) -> bytes:
    """The public key in a signature that ssh-keygen could read, as an allowed-signers file has it;
    b"" (which every line has) if this does not read it."""
    try:
        armour = signature.read_bytes().split(b"-----")[2]
        blob = base64.b64decode(armour)
    except (IndexError, ValueError):
        return b""
    size = int.from_bytes(blob[10:14], "big")
    return base64.b64encode(blob[14 : 14 + size])


def _shown(name: str, validity: Result) -> str:
    if not _PATTERN.search(name):
        return name
    fingerprint = _FINGERPRINT.search(validity.out.decode("utf-8", "replace"))
    return f"{fingerprint[0] if fingerprint else 'a key'} (one of {name})"
