"""Strategies for files to import: bytes, and files made of a format's keys and odd values."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import quoteattr

from gitshelf.importers.keys import Vocabulary
from hypothesis import strategies as st

SECRET = "-".join(["s3cr3t", "t0ken"])
"""Stands wherever a URL may have a password or token."""

_URLS = [
    f"https://kim:{SECRET}@x.example/a.git", f"https://{SECRET}@x.example/b",
    f"kim:{SECRET}@x.example:c", f"git+https://${{{SECRET}}}@x.example/d.git,v1",
    f"https://x.example/e.git?private_token={SECRET}", f"ssh://git:{SECRET}@x.example/f",
    f"//{SECRET}@x.example", f"https://kim:{SECRET}/x@x.example/g", f"ssh://{SECRET}:@x.example/k",
    f"https://kim:a@{SECRET}@x.example/l.git", "https://x.example/h.git#/sub",
    "https://x.example/i", "git@x.example:j.git", "..", "/", "",
]  # fmt: skip
_TEXTS = [
    "a", "a/b", "../a", "/a", ".", "main", "refs/heads/x", "v1.0", "1.10", "true", "false", "+a",
    "{here}", "{", "*", "a*", "\ue000", "\ud800", "\x00", "\x1b[31m", "ä\u2028b", "KIT/x", "git",
    "galaxy", "0" * 40, "x,y", "-a", "notdefault", "west.yml", "theirs", "a.b", "\n", ">=1", "~",
]  # fmt: skip

text = st.one_of(st.sampled_from(_URLS), st.sampled_from(_TEXTS), st.text(max_size=5))


def gives_away(data: bytes, text: str) -> bool:
    """Whether a text has the secret in it, which only URLs of the file had (Hypothesis puts what it
    sees elsewhere, too, where nobody could know it for a secret)."""
    other_text = data.decode("utf-8", "replace")
    for url in _URLS:
        other_text = other_text.replace(url, "") if url else other_text
    return SECRET in text and SECRET not in other_text


def words(keys: Vocabulary) -> list[str]:
    """The names of all keys, without what stands before them."""
    rows = [row for row, _ in keys.rows()]
    return sorted({row.replace("[]", "").split(".")[-1].split(" ")[-1] for row in rows})


def yaml_files(keys: Vocabulary) -> st.SearchStrategy[bytes]:
    """Files of a YAML format: JSON, mostly with its keys at any place, or nearly in its form."""
    key = st.one_of(st.sampled_from(words(keys)), text)
    scalar = st.one_of(text, st.none(), st.booleans(), st.integers(), st.floats())
    value = st.recursive(
        scalar,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(key, inner, max_size=5)
        ),
        max_leaves=12,
    )
    item = st.dictionaries(key, st.one_of(scalar, value), max_size=6)
    listed = st.lists(st.one_of(item, value), max_size=4)
    near = st.dictionaries(
        st.sampled_from(["roles", "collections", "repositories", "extends", "manifest"]),
        st.one_of(
            listed,
            st.dictionaries(key, item, max_size=4),
            st.fixed_dictionaries(
                {"projects": listed, "remotes": listed, "self": item, "defaults": item}
            ),
        ),
        max_size=2,
    )
    made = st.one_of(near, near, value, listed)
    return st.one_of(made.map(_json), made.map(_json), st.binary(max_size=80), text.map(_bytes))


def xml_files(keys: Vocabulary) -> st.SearchStrategy[bytes]:
    """Files of an XML format, mostly with its elements and attributes at any place."""
    names = words(keys)
    tags = [name[1:-1] for name in names if name.startswith("<")]
    attributes = [name for name in names if not name.startswith("<")]

    def element(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        values = st.dictionaries(st.sampled_from([*attributes, "odd"]), text, max_size=5)
        return st.builds(
            _element, st.sampled_from([*tags, "odd", "x-own"]), values, st.lists(inner, max_size=4)
        )

    body = st.lists(st.recursive(st.just(""), element, max_leaves=10), max_size=6)
    whole = body.map(lambda parts: _bytes(f"<manifest>{''.join(parts)}</manifest>"))
    return st.one_of(whole, whole, whole, st.binary(max_size=80), text.map(_bytes))


def _element(tag: str, values: dict[str, str], inner: list[str]) -> str:
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in values.items())
    return f"<{tag}{attributes}>{''.join(inner)}</{tag}>"


def _json(value: Any) -> bytes:
    return _bytes(json.dumps(value, ensure_ascii=False))


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")
