"""Secrets in logs: masked before a log is kept, searched or sent anywhere.

What is known by its form: the tokens that gitshelf's rule `secrets` finds, private keys, passwords
in URLs, headers that log in, and values that stand behind a word like password. What has no form of
its own cannot be known here: states that handle secrets say `show_changes: False`, and programs get
theirs as input. RE2 does it in time that is linear in the text.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

MASK = b"***"
# Words whose value is secret, as configuration files, command lines and JSON have them.
_WORD = (
    r"[\w-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|credential)"
    r"[\w-]*"
)
_HEADERS = (
    "Authorization|Proxy-Authorization|X-Auth-Token|X-Subject-Token|X-Gerrit-Auth|Set-Cookie|Cookie"
)
_KEY = r"-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY(?: BLOCK)?|AGE ENCRYPTED FILE)-----"
_VALUE = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[^\s,;}\])]+"
# What such a word is followed by, too, and is no secret: how a state of that name ended.
_OPEN = (
    r"(?i)['\"]?(?:true|false|none|null|yes|no|ok|failed|skipped|passed|changed|missing|\*+|"
    r"<[\w= ]+>|\d{1,3})?['\"]?[:.]?"
)


def masked(text: str) -> str:
    """`text` with each secret of a known form replaced by `***`; lines keep their numbers."""
    data = text.encode("utf-8", "replace")
    for pattern, replacement in _masks():
        data = pattern.sub(replacement, data)
    return data.decode("utf-8", "replace")


@functools.cache
def _masks() -> list[tuple[Any, Callable[[Any], bytes]]]:
    from gitshelf.rules.secrets import FORMS

    forms = (form.decode() for kind, form in FORMS.items() if kind != "a private key")
    tokens = "|".join(f"(?:{form})" for form in forms)
    block = rf"{_KEY}[A-Za-z0-9+/=\\\s:,-]*?-----END [A-Z0-9 ]+-----|{_KEY}[A-Za-z0-9+/=\\\r\n]*"
    return [
        (_compiled(block), _block),
        (_compiled(tokens), lambda match: MASK),
        (_compiled(r"(\b[A-Za-z][\w+.-]*://[^\s/:@'\"]*:)[^\s/@'\"]+(@)"), _between),
        (_compiled(rf"(?i)(\b(?:{_HEADERS})['\"]?[ \t]*[:=][ \t]*['\"]?(?:Basic |Bearer |Digest )?)"
                   r"[^\s'\"]+()"), _between),
        (_compiled(rf"(?i)(--{_WORD}[ =])(?:{_VALUE})()"), _between),
        (_compiled(rf"(?i)((?:^|[^\w-]){_WORD}['\"]?[ \t]*(?:=>|=|:)[ \t]*)({_VALUE})"), _value),
    ]  # fmt: skip


@functools.cache
def _compiled(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    return re2.compile(f"(?m){pattern}".encode(), options)


def _block(match: Any) -> bytes:
    """A mask of as many lines as the key has."""
    return MASK + b"\n" * int(match.group(0).count(b"\n"))


def _between(match: Any) -> bytes:
    return bytes(match.group(1) + MASK + match.group(2))


def _value(match: Any) -> bytes:
    harmless = _compiled(_OPEN).fullmatch(match.group(2))
    return bytes(match.group(0) if harmless else match.group(1) + MASK)
