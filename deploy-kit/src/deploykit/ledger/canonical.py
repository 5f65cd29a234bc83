"""Canonical JSON: one value, one sequence of bytes (RFC 8785, the JSON Canonicalization Scheme)."""

from __future__ import annotations

import json

import rfc8785

LARGEST = 2**53 - 1  # RFC 8785 numbers are IEEE doubles; beyond, not every whole number is one


def canonical(value: object) -> str:
    """The canonical JSON text of strings, numbers, booleans, None, lists, tuples and dicts.

    Raises ValueError for what has none: other types, keys that are no text, NaN and infinities,
    whole numbers beyond 2^53 - 1, lone surrogates.
    """
    return rfc8785.dumps(value).decode()  # type: ignore[arg-type]


def parse_canonical(text: str) -> object:
    """The value of `text`. Raises ValueError if it is not JSON, or not in canonical form."""
    value: object = json.loads(text, parse_int=_whole)
    if canonical(value) != text:
        raise ValueError("it is JSON, but not in canonical form")
    return value


def _whole(text: str) -> int | float:
    """A whole number as read; beyond 2^53 - 1 it is a double's shortest text."""
    value = int(text) if len(text) < 400 else float("inf")
    return value if abs(value) <= LARGEST else float(text)
