"""Tokens of a manifest: `{name}` anywhere in its text.

While the YAML is parsed, each `{name}` is hidden behind two private-use characters, so that it is
neither taken for a flow mapping nor able to break one, and every character keeps its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_OPEN, _CLOSE = "\ue000", "\ue001"
_NAME = r"([A-Za-z0-9_][A-Za-z0-9_.-]*)"
_TOKEN = re.compile(r"\{" + _NAME + r"\}")
_MAX_DEPTH, _MAX_LENGTH = 50, 1 << 16
_HIDDEN = re.compile(_OPEN + _NAME + _CLOSE)


class TokenError(Exception):
    """A token without a value, or one that holds itself; `name` is the token whose definition is
    at fault ("" for a text of the manifest), `missing` the one without a value."""

    def __init__(self, name: str, message: str, missing: str = "") -> None:
        super().__init__(message)
        self.name = name
        self.missing = missing


def hide(text: str) -> str:
    """Hide the tokens in a text; its length and lines stay the same.

    Raises ValueError if the text holds one of the two characters used.
    """
    if _OPEN in text or _CLOSE in text:
        raise ValueError("the characters U+E000 and U+E001 cannot be used in a manifest")
    return _TOKEN.sub(lambda match: f"{_OPEN}{match[1]}{_CLOSE}", text)


def show(text: str) -> str:
    """Undo `hide`."""
    return text.replace(_OPEN, "{").replace(_CLOSE, "}")


def hide_name(name: str) -> str:
    """The text that stands for one token."""
    return f"{_OPEN}{name}{_CLOSE}"


def tokens_in(hidden: str) -> list[str]:
    """The names of the hidden tokens in a text."""
    return _HIDDEN.findall(hidden)


def expand(hidden: str, value: Callable[[str], str], name: str = "") -> str:
    """Put values in the place of hidden tokens; `name` is the token whose value `hidden` is.
    Raises TokenError if it grows without bounds."""
    if _OPEN not in hidden:
        return hidden
    length = len(hidden)

    def put(match: re.Match[str]) -> str:
        nonlocal length
        token_value = value(match[1])
        length += len(token_value)
        if length > _MAX_LENGTH:
            what = f"the token {{{name}}}" if name else "a text"
            raise TokenError(name, f"{what} grows without bounds, at {{{match[1]}}}")
        return token_value

    return _HIDDEN.sub(put, hidden)


class Values:
    """The values of tokens, which may hold tokens themselves (hidden ones)."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._raw = dict(values)
        self._done: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """The value of a token with every token in it replaced. Raises TokenError."""
        return self._value(name, ())

    def _value(self, name: str, way: tuple[str, ...]) -> str:
        if name in self._done:
            return self._done[name]
        if name in way:
            circle = " -> ".join([*way[way.index(name) :], name])
            raise TokenError(name, f"the token {{{name}}} holds itself ({circle})")
        if name not in self._raw:
            user = way[-1] if way else ""
            raise TokenError(user, f"the token {{{name}}} has no value", missing=name)
        if len(way) >= _MAX_DEPTH:
            raise TokenError(name, f"the token {{{name}}} is nested too deeply")
        value = expand(self._raw[name], lambda inner: self._value(inner, (*way, name)), name)
        self._done[name] = value
        return value

    def with_value(self, name: str, value: str) -> Values:
        """The same values and one more, which is taken as it is."""
        return Values({**self._raw, name: value})

    @property
    def names(self) -> list[str]:
        """The tokens that have a value."""
        return list(self._raw)
