"""Secrets made comparable without their values: marks by a key that is thrown away after use.

A mark is an HMAC-SHA-256. Whoever has no key learns nothing of it, not even by trying passwords;
the key comes with the question, is made for it alone, and is never written down.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from typing import Any

from . import given, rotation, secrets
from .files import read_json

AUTHORITY = "the authority's certificate"
# What a secret consists of, as nodes find it in their files (nodes/portraying.py says the same).
WORD = re.compile(r"[A-Za-z0-9_-]{6,}")
HEADER = "-----"  # a line of PEM that is the same for all


def marked(key: str) -> dict[str, dict[str, str]]:
    """The secrets of this environment by `key` (hex): `values`, name -> mark of the value, and
    `words`, mark -> name of the secret that has such a word in it.

    Those before a rotation are among the words as long as nodes may have them. One that others give
    has a mark once they gave something: two environments without it have no secret in common.
    """
    taken = bytes.fromhex(key)
    here: dict[str, Any] = read_json(secrets.ROOT / secrets.STORE, {})
    before: dict[str, Any] = read_json(secrets.ROOT / rotation.PREVIOUS, {})
    words = {
        _mark(taken, word): name
        for store in (before, here)
        for name, value in store.items()
        for word in words_of(value)
    }
    for file in ("ca.crt", "ca.key"):
        path = secrets.ROOT / "ca" / file
        if path.is_file():
            words |= {_mark(taken, word): AUTHORITY for word in words_of(path.read_text())}
    values = {
        name: _mark(taken, json.dumps(value, sort_keys=True))
        for name, value in sorted(here.items())
        if value != given.values({})
    }
    return {"values": values, "words": words}


def words_of(value: Any) -> Iterator[str]:
    """The words of a secret's value, whatever it consists of."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from words_of(one)
    elif isinstance(value, str):
        for line in value.splitlines():
            if not line.startswith(HEADER):
                yield from WORD.findall(line)


def _mark(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
