"""The people who have accounts of their own on an environment's nodes: `operators` of its file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deploykit.base.yamlfile import Value

ACCOUNT = re.compile(r"[a-z][a-z0-9-]{0,30}")
PUBLIC_KEY = re.compile(
    r"(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)"
    r"@openssh\.com) [A-Za-z0-9+/]{40,}={0,2}( [^\n\r]*)?"
)


@dataclass(frozen=True, slots=True)
class Operator:
    """An account: its name, the public keys that let it in, whether it may become root."""

    name: str
    keys: tuple[str, ...]
    sudo: bool = False

    def account(self) -> dict[str, object]:
        """One entry of `users_accounts`, what day 0's role users reads."""
        return {"name": self.name, "ssh_keys": list(self.keys), "sudo": self.sudo}


def parse_operators(value: Value) -> tuple[Operator, ...]:
    """The operators by name. Raises InputError with file and line for what does not fit."""
    return tuple(_operator(name, entry) for name, entry in value.mapping().items())


def _operator(name: str, entry: Value) -> Operator:
    if not ACCOUNT.fullmatch(name):
        raise entry.error(
            f"'{name}' is no name for an account",
            "use a-z, 0-9 and '-', a letter first, at most 31 long",
        )
    given = entry.mapping(frozenset({"keys", "sudo"}))
    if "keys" not in given:
        raise entry.error("the key 'keys' is missing", "without an SSH key nobody comes in")
    keys = tuple(_public_key(key) for key in given["keys"].items())
    if not keys:
        raise given["keys"].error("at least one SSH key is needed")
    return Operator(name, keys, given["sudo"].flag() if "sudo" in given else False)


def _public_key(value: Value) -> str:
    text = value.text().strip()
    if not PUBLIC_KEY.fullmatch(text):
        raise value.error(
            "not a public SSH key", "write the line of a file id_ed25519.pub: TYPE BASE64 COMMENT"
        )
    return text
