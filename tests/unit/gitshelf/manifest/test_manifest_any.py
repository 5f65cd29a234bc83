"""Whatever a manifest says, it is read or refused with its file and line; and soon."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from gitshelf.base.errors import GitshelfError
from hypothesis import given, settings
from hypothesis import strategies as st

from gitshelf import manifest

_WHOLE = """\
defaults:
  environment: dev
  submodules: omit
environments:
  dev:
    tokens:
      base: https://git.example.org
      states: "{base}/states"
books:
- &b
  book: salt/states
  git: "{states}"
  branch: 3f2c0d9be1a34c6f9a8d7e6f5b4c3d2e1f0a9b8c
  path: salt
- {<<: *b, book: c, skiprepourlcheck: yes}
- {book: l, link: /salt/states}
lint:
  full-sha:
"""
_PIECES = [
    *("\0", "\ufeff", "\ue000", "\ud7ff", "\x85", "\u2028", "\t", "\n", "\n  ", "\n- ", " ", "'"),
    *('"', "&b ", "*b", "*c", "<<: *b", "<<: [*b, *b]", "!!python/object:os.system ", "!!binary "),
    *("!<", "%YAML 1.1\n---\n", "---\n", "...\n", "|", ">", "? ", ": ", "- ", "#", "{a}", "{base}"),
    *("{here}", "{", "}", "[", "]", "[" * 300, "- " * 300, "1e999", ".nan", "0x1f", "9" * 5000),
    *("\n- &b {book: y, git: z}\n", '"\\ud800"', '/"\\0"', 'link: "/\\udcff"'),
    *("~", "null", "../", "/", ".git", "KIT", "-x", "ext::sh", "http://a:b@c", "book: x", "git: y"),
]  # fmt: skip


def _refused(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(GitshelfError) as caught:
        manifest.parse(data, Path("m.yml"))
    assert caught.value.message.startswith("m.yml:")
    return caught.value.message


@given(
    cuts=st.lists(
        st.tuples(st.integers(0, len(_WHOLE)), st.integers(0, 6), st.sampled_from(_PIECES)),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=250, deadline=None, derandomize=True)
def test_any_manifest_is_read_or_refused_with_its_line(cuts: list[tuple[int, int, str]]) -> None:
    text = _WHOLE
    for start, length, piece in cuts:
        text = text[:start] + piece + text[start + length :]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            manifest.parse(text.encode(), Path("m.yml"), here=lambda: "/here")
    except GitshelfError as error:
        assert error.message.startswith("m.yml:")


@pytest.mark.parametrize(
    "text",
    [
        "books: " + "[" * 200_000,
        "books: " + "{a: " * 50_000,
        "books:\n" + "- " * 50_000 + "a",
        "books: " + "[" * 3000 + "]" * 3000,
        "".join(" " * n + "a:\n" for n in range(2500)),
        "%YAML 1.2\n---\nbooks: " + "[" * 3000,
    ],
)
def test_deep_nesting_is_refused_and_ends_no_process(text: str, tmp_path: Path) -> None:
    (tmp_path / "gitshelf.yml").write_text(text)
    argv = [sys.executable, "-m", "gitshelf", "build", "-o", "kit.tar"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "nested too deeply" in done.stderr) == (2, True), done.stderr[-300:]


def test_mappings_that_are_merged_over_and_over_are_read_once() -> None:
    level = "\n".join(
        f"  e{n}: &e{n} {{<<: [{', '.join([f'*e{n - 1}'] * 10)}]}}" for n in range(1, 40)
    )
    text = f"environments:\n  e0: &e0 {{description: x}}\n{level}\n"
    read = manifest.parse(f"{text}defaults: {{environment: e39}}\nbooks: []\n".encode(), Path("m"))
    assert read.environment == "e39"
    for circle in ("*a", "[*a, *a]", "{<<: *a}"):
        assert "`<<` must name" in _refused(f"defaults: &a {{<<: {circle}}}\nbooks: []\n")


def test_text_that_grows_by_its_tokens_is_refused_before_it_is_made() -> None:
    tokens = f"environments: {{e: {{tokens: {{a: {'x' * 60_000}, b: '{'{a}' * 9000}'}}}}}}\n"
    head = "defaults: {environment: e}\n"
    assert "the token {b} grows" in _refused(f"{head}{tokens}books: []\n")
    short = tokens.replace("{a}" * 9000, "")
    book = f"books:\n- {{book: '{'{a}' * 9000}', git: x}}\n"
    assert "a text grows" in _refused(head + short + book)


@pytest.mark.parametrize("character", ["\\ud800", "\\udcff", "\\0"])
@pytest.mark.parametrize("key", ["git", "branch", "path", "track", "tag", "links", "link", "more"])
def test_character_that_no_name_can_have_is_refused_in_every_field(
    key: str, character: str
) -> None:
    others = "" if key in ("git", "link") else "git: x, "
    message = _refused(f'books:\n- {{book: b, {others}{key}: "a{character}"}}\n')
    assert message.startswith("m.yml:2: book b: ")
    assert "no name can have" in message or key in ("links", "more")


def test_manifest_without_an_end_is_refused() -> None:
    assert "too big" in _refused(b"#" * (5 << 20))
    with pytest.raises(GitshelfError, match="too big"):
        manifest.load(Path("/dev/zero"))
