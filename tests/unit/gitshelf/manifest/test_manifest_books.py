"""The manifest: the original format, tokens, and one clear error for everything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gitshelf.base.errors import GitshelfError
from gitshelf.manifest import Manifest, parse
from hypothesis import given, settings
from hypothesis import strategies as st

FILE = Path("/site/gitshelf.yml")
SHA = "a" * 40


def read(text: str, **more: object) -> Manifest:
    return parse(text.encode(), FILE, **more)  # type: ignore[arg-type]


def refused(text: str, **more: object) -> GitshelfError:
    with pytest.raises(GitshelfError) as caught:
        read(text, **more)
    assert caught.value.exit_code == 2
    assert caught.value.remedy
    return caught.value


ORIGINAL = """\
access: {group: [a, b]}
defaults:
  environment: dev
environments:
  dev:
    description: where it begins
    tokens: {host: "https://git.example.org", base: "{host}/cloud", tag: "1.0"}
  production:
    description: where it ends
    tokens:
      tag: "2.0"
books:
- book: /srv/salt/states/extra
  link: ../common
- book: /srv/salt
  git: "{base}/salt.git"
  branch: "{tag}"
- book: srv/salt/common/
  git: {base}/common.git
  skiprepourlcheck: true
"""


def test_manifest_of_the_original_is_read_as_it_was() -> None:
    manifest = read(ORIGINAL)
    assert [(b.place, b.url, b.branch) for b in manifest.books] == [
        ("srv/salt", "https://git.example.org/cloud/salt.git", "1.0"),
        ("srv/salt/common", "https://git.example.org/cloud/common.git", "master"),
    ]
    assert [(b.place, b.target) for b in manifest.links] == [("srv/salt/states/extra", "../common")]


def test_token_option_beats_environment_which_beats_the_default() -> None:
    assert read(ORIGINAL, environment="production").books[0].branch == "2.0"
    both = read(ORIGINAL, environment="production", tokens={"tag": "3.0"})
    assert both.books[0].branch == "3.0"
    assert both.books[0].url.startswith("https://git.example.org/")


def test_sha_of_digits_stays_text() -> None:
    digits = "1234567890" * 4
    assert (
        read(f"books: [{{book: a, git: https://h/a, branch: {digits}}}]").books[0].branch == digits
    )


def test_here_is_only_looked_for_where_it_is_used() -> None:
    def fail() -> str:
        raise GitshelfError("no repository", "make one")

    assert read(f"books: [{{book: a, git: 'https://h/a', branch: {SHA}}}]", here=fail)
    error = refused("books:\n- book: a\n  git: {here}\n", here=fail)
    assert str(error) == "/site/gitshelf.yml:3: book a: no repository"
    found = read("books:\n- book: a\n  git: {here}\n", here=lambda: "/odd #: {x}/place")
    assert found.books[0].url == "/odd #: {x}/place"
    assert found.books[0].origin == "{here}"


@pytest.mark.parametrize(
    ("place", "written", "target"),
    [
        ("/etc/salt/states", "/srv/salt", "../../srv/salt"),
        ("etc/salt/states", "/srv/salt", "../../srv/salt"),
        ("/a", "/", "."),
        ("/srv/a", "../../../x/", "../x"),
        ("/srv/a", "../x", "../x"),
        ("srv/a", "../../x", "../../x"),
    ],
)
def test_link_at_or_to_an_absolute_place_becomes_relative_to_the_top(
    place: str, written: str, target: str
) -> None:
    link = read(f"books:\n- {{book: {place}, link: {written}}}\n").links[0]
    assert (link.target, link.written_target) == (target, written)


@pytest.mark.parametrize(
    ("text", "line", "said", "remedy"),
    [
        ("books: [", 1, "not YAML", ""),
        ("books:\n- a: b\n c: d\n", 3, "not YAML", ""),
        ("\tbooks: x", 1, "not YAML", ""),
        ("", 1, "empty", ""),
        ("[]", 1, "must be a mapping", ""),
        ("books: {a: b}", 1, "books must be a list", ""),
        ("books: [a]", 1, "a book must be a mapping", ""),
        ("books:\n- book: [a]\n  git: x", 2, "book must be a text", ""),
        ("books:\n- book: a\n  git: {x: y}", 3, "git must be a text", ""),
        ("defaults: 7\nbooks: []", 1, "defaults must be a mapping", ""),
        ("books: []\nextra: 7\n", 2, "extra must be a mapping", ""),
        ("environments:\n  a: b\nbooks: []\ndefaults: {environment: a}", 2, "must be a map", ""),
        ("boks: []", 1, "unknown key boks", "books"),
        ("books:\n- book: a\n  brnch: x\n  git: u", 3, "unknown key brnch", "branch"),
        ("defaults: {enviroment: x}\nbooks: []", 1, "unknown key enviroment", "environment"),
        ("books:\n- git: x", 2, "without a place", ""),
        ("books:\n- book: a", 2, "either `git` or `link`", ""),
        ("books:\n- {book: a, git: u, link: b}", 2, "either `git` or `link`", ""),
        ("books:\n- {book: a, link: b, branch: c}", 2, "no `branch`", ""),
        ("books:\n- book: a\n  git: u\n  git: v", 4, "git is there twice", ""),
        ("books:\n- {book: a/b, git: u}\n- {book: /a//b/, git: u}", 3, "first in line 2", ""),
        ("books:\n- {book: ../x, git: u}", 2, "outside the shelf", ""),
        ("books:\n- {book: a/../../x, git: u}", 2, "outside the shelf", ""),
        ("books:\n- {book: KIT/x, git: u}", 2, "kit's own", ""),
        ("books:\n- {book: a, link: b}\n- {book: a/c, git: u}", 3, "under the link a", ""),
        ("books:\n- {book: a, git: u, path: ../b}", 2, "outside the repository", ""),
        ("books:\n- {book: a, git: u, submodules: maybe}", 2, "submodules: maybe", "refuse"),
        ("books:\n- {book: a, git: u, links: include}", 2, "links: include", "omit"),
        ("books:\n- {book: a, git: u, branch: 'a b'}", 2, "not the name of a branch", ""),
        ("books:\n- {book: a, git: u, branch: --upload-pack=x}", 2, "not the name of", ""),
        ("books:\n- {book: a, git: -x}", 2, "not a URL", ""),
        ("books:\n- {book: a, git: 'ext::sh -c x'}", 2, "remote helper", ""),
        ("books:\n- {book: a, git: 'ext::sh'}", 2, "remote helper", ""),
        ("books:\n- {book: a, git: 'ftp://h/a'}", 2, "protocol ftp", ""),
        ("books:\n- {book: a, git: 'ssh://-oProxyCommand=x/a'}", 2, "has no host", ""),
        ("books:\n- {book: a, git: '-oX:a'}", 2, "not a URL", ""),
        ("books:\n- book: a\n  git: '{x}/y'", 3, "the token {x} has no value", "--token"),
        ("defaults: {environment: e}\nenvironments:\n  e:\n    tokens:\n      x: '{y}'\n"
         "      y: 'a{x}'\nbooks: []", 5, "holds itself (x -> y -> x)", ""),
        ("defaults: {environment: e}\nenvironments:\n  e:\n    tokens:\n      x: '{nope}'\n"
         "books: []", 5, "the token {nope} has no value", ""),
        ("defaults: {environment: prod}\nenvironments: {production: {}}\nbooks: []", 1,
         "no environment prod", "production"),
        ("books:\n- book: \"a\\x01b\"\n  git: u", 2, "control characters", ""),
    ],
)  # fmt: skip
def test_wrong_manifest_gets_one_error_with_file_and_line(
    text: str, line: int, said: str, remedy: str
) -> None:
    error = refused(text)
    assert str(error).startswith(f"/site/gitshelf.yml:{line}: ")
    assert said in str(error)
    assert remedy in error.remedy


def test_error_names_the_book() -> None:
    assert "book formulas/a: " in str(refused("books:\n- {book: formulas/a, git: -x}"))


def test_secret_in_a_url_is_refused_and_not_repeated() -> None:
    error = refused("books:\n- {book: a, git: 'https://me:s3cret@h/a'}")
    assert "user or password" in str(error)
    assert "s3cret" not in str(error) + error.remedy


def test_ssh_user_is_not_a_secret() -> None:
    assert read("books:\n- {book: a, git: 'ssh://git@h/a'}\n- {book: b, git: 'git@h:b'}\n")


def test_not_utf8_is_refused_with_its_line() -> None:
    with pytest.raises(GitshelfError, match=r"gitshelf.yml:2: not UTF-8"):
        parse(b"books:\n- \xff", FILE)


def test_unknown_token_in_a_comment_is_no_error() -> None:
    assert read("# {unknown}\nbooks: []\n").books == ()


_words = st.sampled_from(
    ["books", "book", "git", "link", "branch", "path", "environments", "defaults", "environment",
     "tokens", "e", "a", "{a}", "{e}", "{here}", "..", "/", "KIT", "<<", "&x", "*x", "!!binary", "",
     "master", "https://h/a", "{", "}", "[", "]", ": ", "- ", "\n", "\n  ", "\n- ", ",", "'", '"',
     "|", ">", "#", "%", "@", "\t", "\x00", "\ue000", "é", "? "]
)  # fmt: skip


@given(words=st.lists(_words, max_size=40), environment=st.sampled_from([None, "e"]))
@settings(max_examples=400, deadline=None)
def test_any_text_ends_in_a_manifest_or_an_error(words: list[str], environment: str | None) -> None:
    try:
        assert isinstance(
            read("".join(words), environment=environment, here=lambda: "/here"), Manifest
        )
    except GitshelfError as error:
        assert "gitshelf.yml" in str(error)


_values = st.one_of(
    st.text(max_size=8), st.none(), st.integers(), st.lists(st.text(max_size=3), max_size=2)
)


@given(
    book=st.dictionaries(
        st.sampled_from(["book", "git", "link", "branch", "path", "links", "track"]), _values
    ),
    tokens=st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "{a}", "{b}{b}", "{c}"])
    ),
)
@settings(max_examples=300, deadline=None)
def test_any_book_ends_in_a_manifest_or_an_error(
    book: dict[str, object], tokens: dict[str, str]
) -> None:
    import json

    document = {
        "defaults": {"environment": "e"},
        "environments": {"e": {"tokens": tokens}},
        "books": [book],
    }
    try:
        read(json.dumps(document))
    except GitshelfError as error:
        assert str(error)


def test_tokens_that_grow_without_bounds_are_refused(write_manifest: Callable[[str], Path]) -> None:
    tokens = {"t0": "x" * 100, **{f"t{i}": f"{{t{i - 1}}}" * 10 for i in range(1, 12)}}
    assert "grows without bounds" in str(refused("books: [{book: '{t11}', git: u}]", tokens=tokens))


def test_what_others_keep_in_a_manifest_is_carried_and_not_read() -> None:
    text = "books:\n- {book: a, git: http://h/a}\nextra: {theirs: {any: [1, '{thing}']}}\n"
    found = read(text)
    assert [book.place for book in found.books] == ["a"] and found.data == text.encode()
