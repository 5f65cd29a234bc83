"""Canonical JSON: one value, one sequence of bytes (RFC 8785, the JSON Canonicalization Scheme)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

LARGEST = 2**53 - 1  # RFC 8785 numbers are IEEE doubles; beyond, not every whole number is one


def canonical(value: object) -> str:
    """The canonical JSON text of strings, numbers, booleans, None, lists and mappings.

    Raises ValueError for what has none: other types, keys that are no text, NaN and infinities,
    whole numbers beyond 2^53 - 1, lone surrogates.
    """
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise ValueError(f"{value} is too large to be exact in JSON")
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key is no text")
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_text(key)}:{canonical(item)}" for key, item in pairs) + "}"
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    raise ValueError(f"{type(value).__name__} has no JSON form")


def parse_canonical(text: str) -> object:
    """The value of `text`. Raises ValueError where it is not JSON, or not in canonical form."""
    value: object = json.loads(text, parse_int=_whole)
    if canonical(value) != text:
        raise ValueError("it is JSON, but not in canonical form")
    return value


def _text(value: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a text holds a lone surrogate") from None
    return json.dumps(value, ensure_ascii=False)


def _whole(text: str) -> int | float:
    """A whole number as read; beyond 2^53 - 1 it is a double's shortest text."""
    value = int(text) if len(text) < 400 else float("inf")
    return value if abs(value) <= LARGEST else float(text)


def _number(value: float) -> str:
    """ECMAScript's Number::toString (ECMA-262, 6.1.6.1.20), as RFC 8785 section 3.2.2.3 asks."""
    if not math.isfinite(value):
        raise ValueError(f"{value} has no JSON form")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    parts = Decimal(repr(abs(value))).as_tuple()
    written = "".join(map(str, parts.digits))
    digits = written.rstrip("0")
    assert isinstance(parts.exponent, int)
    point = len(written) + parts.exponent  # where the decimal point stands among the digits
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"
