"""Files that only chosen people can read: encrypted with age to their SSH keys.

A sealed file is one line of JSON (what it is, no secret in it) and then age's own armoured text
(https://age-encryption.org/v1), so that `sed 1d FILE | age -d -i KEY` opens it without deploy-kit.
The line stands inside once more: one that was exchanged is noticed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploykit.base import files
from deploykit.base.errors import DeployKitError, InputError, Refused
from deploykit.base.process import run
from deploykit.site.keys import Signer

TIMEOUT = 60.0  # seconds; age takes some milliseconds
KINDS = ("ssh-ed25519", "ssh-rsa")  # the SSH keys that age can encrypt to
RECIPIENT = re.compile(
    r"age1[a-z0-9]{58}|(?:ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+={0,2}(?: [^\r\n]*)?"
)
LONGEST_LINE = 65536


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who can open a file: a name for people, and the key as age takes it."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Header:
    """What anyone may know of a sealed file. `made` is ISO 8601, UTC; `count` of secrets."""

    environment: str
    made: str
    count: int
    recipients: tuple[str, ...]
    format: int = 1


def recipients_of(signers: Sequence[Signer], roles: frozenset[str]) -> tuple[Recipient, ...]:
    """Those of `signers` with one of `roles` whose key age knows.

    Raises Refused where there is none.
    """
    entitled = [signer for signer in signers if signer.roles & roles]
    found = tuple(
        Recipient(signer.principal, signer.key)
        for signer in entitled
        if signer.key.split()[0] in KINDS
    )
    if not found:
        raise Refused(
            f"nobody could open it: no signer with the role {' or '.join(sorted(roles))} "
            f"has a key of the kinds {', '.join(KINDS)}",
            "name who can: --recipient 'ssh-ed25519 AAAA...', or an age1... key",
        )
    return found


def named_recipient(text: str) -> Recipient:
    """A recipient given by its line, or by the file of a public key.

    Raises InputError where it is neither.
    """
    line = text.strip()
    if not RECIPIENT.fullmatch(line):
        try:
            line = Path(text).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, ValueError):
            line = ""
        if not RECIPIENT.fullmatch(line):
            raise InputError(
                f"--recipient {text[:80]!r} is no key that age can encrypt to",
                f"a line or file of the kinds {', '.join(KINDS)}, or an age1... key",
            )
    words = line.split(maxsplit=2)
    name = words[2] if len(words) > 2 else words[-1][-12:]
    return Recipient(name, " ".join(words[:2]))


def seal(
    file: Path, header: Header, content: dict[str, Any], recipients: Sequence[Recipient]
) -> None:
    """Write `content` encrypted to `recipients` as the new `file`, mode 0600, whole or not at all.

    Plain text goes to age's standard input only. Raises DeployKitError where age fails, Refused if
    there is a file of that name: it may be the only backup.
    """
    words = [word for one in recipients for word in ("--recipient", one.key)]
    plain = json.dumps({"header": asdict(header), "content": content})
    done = run(["age", "--encrypt", "--armor", *words], timeout=TIMEOUT, input=plain, check=False)
    if done.returncode != 0 or not done.stdout.startswith("-----BEGIN AGE"):
        raise DeployKitError(f"age cannot encrypt: {_said(done.stderr)}")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = f"{json.dumps(asdict(header), sort_keys=True)}\n{done.stdout}"
    try:
        files.write_new(file, text, mode=0o600)
    except FileExistsError:
        raise Refused(
            f"{file} is there already: nothing was written over it",
            "name another file; an export may be the only one that fits the nodes",
        ) from None


def read_header(file: Path) -> Header:
    """What a sealed file says of itself, unproved. Raises InputError where it is none."""
    try:
        with file.open(encoding="utf-8") as text:
            found = json.loads(text.readline(LONGEST_LINE))
        return _header(found)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        raise InputError(
            f"{file} is no export of secrets", "deploy-kit secrets export ENV makes one"
        ) from None


def unseal(file: Path, key: Path) -> tuple[Header, dict[str, Any]]:
    """The header and content of a sealed file, opened with the private key in `key`.

    Raises Refused where the key does not open it or the file was changed, InputError where it is
    no sealed file or there is no such key.
    """
    header = read_header(file)
    if key.suffix == ".pub" or not key.is_file():
        raise InputError(
            f"{key} is no private key's file, and an agent cannot decrypt",
            "name one with --key, e.g. ~/.ssh/id_ed25519",
        )
    armoured = file.read_text(encoding="utf-8").partition("\n")[2]
    done = run(
        ["age", "--decrypt", "--identity", key], timeout=TIMEOUT, input=armoured, check=False
    )
    if done.returncode != 0:
        raise Refused(
            f"{file}: {key} does not open it: {_said(done.stderr)}",
            f"it is for {', '.join(header.recipients)}; --key FILE names another key\n"
            "a key with a passphrase: ssh-keygen -p on a copy of it takes it off",
        )
    try:
        inside = json.loads(done.stdout)
        if _header(inside["header"]) != header:
            raise Refused(f"{file}: its first line is not the one that it was made with")
        content: dict[str, Any] = inside["content"]
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{file}: what is encrypted there is no export of secrets") from None
    return header, content


def _header(found: dict[str, Any]) -> Header:
    header = Header(
        str(found["environment"]),
        str(found["made"]),
        int(found["count"]),
        tuple(map(str, found["recipients"])),
        int(found["format"]),
    )
    if set(found) != set(asdict(header)):
        raise ValueError("unknown fields")
    return header


def _said(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if "report unexpected" not in line]
    return lines[0].removeprefix("age: ") if lines else "it gave no reason"
