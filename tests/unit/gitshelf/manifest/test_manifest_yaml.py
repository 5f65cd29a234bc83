"""Manifests are the same nodes whichever parser reads them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml
from gitshelf.base.errors import GitshelfError
from gitshelf.manifest import document
from hypothesis import given, settings
from hypothesis import strategies as st

PIECES = [
    *("a", "book", "git", "http://x/y", "1", "~", "null", "<<", "=", ".", "$", "^", "(", "/", "+"),
    *(" ", "  ", "    ", "\n", "\n", "\n\n", "\n- ", "\n  ", "- ", "? ", "---", "...", "\n---\n"),
    *(": ", ":", ", ", ",", "{", "}", "[", "]", "# c", " # {x}\n", "'", "''", '"', '"" ', "é"),
    *("a: b", "{a: b, c: d}", "[a, b]", "- {book: x, git: y}", "\ue000x\ue001", "&a ", "*a", "!t "),
    *("| \n", "> \n", "\t", "\r\n", "\u2028", "\x85", "\\n", "%YAML 1.1\n", "@", "`"),
]


def plain(node: Any) -> object:
    """What the rest of gitshelf sees of a node; the line of an empty one is of no use to it."""
    if node is None:
        return None
    kind, style = type(node).__name__, getattr(node, "style", None) or None
    if kind == "ScalarNode":
        marks = (node.start_mark.index, node.end_mark.index, node.start_mark.line)
        return (kind, node.value, style, marks if node.value else ())
    start = (node.start_mark.index, node.start_mark.line, node.start_mark.column)
    if kind == "SequenceNode":
        return (kind, start, [plain(one) for one in node.value])
    return (kind, start, [(plain(key), plain(value)) for key, value in node.value])


def read(text: str) -> object:
    try:
        return plain(document.compose(text, "f"))
    except GitshelfError as error:
        return error.message


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, "# %a: &b *c\n"]), max_size=14).map("".join))
def test_both_parsers_see_the_same_nodes(text: str) -> None:
    seen = read(text)
    fast, yaml.__with_libyaml__ = yaml.__with_libyaml__, False
    try:
        assert seen == read(text)
    finally:
        yaml.__with_libyaml__ = fast


def test_ordinary_manifest_needs_no_slow_parser() -> None:
    script = (
        "import sys\n"
        "from gitshelf.manifest.document import compose\n"
        "compose('# Left out: `<a> b`, 50% & *c*\\n# d\\nbooks: []\\n', 'f')\n"
        "compose('defaults: {submodules: omit}\\nbooks:\\n- book: a  # x\\n  git: u\\n', 'f')\n"
        "assert 'ruamel.yaml' not in sys.modules\n"
    )
    assert yaml.__with_libyaml__
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "- " * 100_000 + "a",
        "\n".join(" " * depth + "a:" for depth in range(2500)),
        # What closes them is in quotes.
        '["]", ' * 100_000,
    ],
)
def test_text_that_would_take_the_program_down_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(GitshelfError, match=r"m:\d+: .*nested (more than|too)"):
        document.compose(text, "m")
