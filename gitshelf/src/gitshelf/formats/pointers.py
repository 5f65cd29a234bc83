"""The small files that Git LFS keeps in git in the place of big ones. Standard library only.

Format: git-lfs, docs/spec.md, version 1. Only its canonical form is taken, because that can be
rebuilt from what it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_SIZE = 1024
"""Pointers are smaller than this, in bytes."""
_START = b"version https://git-lfs.github.com/spec/v1\n"
_FORM = re.compile(_START + rb"oid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,17})\n")


@dataclass(frozen=True, slots=True)
class Pointer:
    """`oid` is the SHA-256 of the object in hexadecimal, `size` its bytes."""

    oid: str
    size: int

    def to_bytes(self) -> bytes:
        """The pointer as git holds it."""
        return _START + b"oid sha256:%b\nsize %d\n" % (self.oid.encode(), self.size)


def is_pointer(content: bytes) -> bool:
    """Whether a file of less than MAX_SIZE bytes is a pointer, in whatever form."""
    return content.startswith(_START) and b"\noid sha256:" in content


def parse(content: bytes) -> Pointer | None:
    """What a pointer says; None if it is not in the canonical form."""
    match = _FORM.fullmatch(content)
    return Pointer(match[1].decode("ascii"), int(match[2])) if match else None
