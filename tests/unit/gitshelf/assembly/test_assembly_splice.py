"""Books inside books, on top of each other, and links between them, in one tar."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from kitfiles import tree_of

import gitshelf

Repo = Any


def test_books_inside_books_and_links_between_them(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    outer, inner = make_repo("outer"), make_repo("inner")
    outer.commit({b"a": b"1", b"f/one": b"2", b"f/two": b"3", b"z": b"4"})
    inner.clock += 100
    inner.commit({b"x": b"5"})
    manifest = write_manifest(
        "books:\n"
        "- {book: srv/salt/f/three, link: /srv/salt/g/deep/inner}\n"
        f"- {{book: srv/salt/f/ten, git: '{inner.url}'}}\n"
        f"- {{book: srv/salt/g/deep/inner, git: '{inner.url}'}}\n"
        f"- {{book: srv/salt, git: '{outer.url}'}}\n"
        f"- {{book: srv/salt.d, git: '{inner.url}'}}\n"
    )
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    gitshelf.extract(kit.path, tmp_path / "out")
    assert tree_of(tmp_path / "out" / "srv") == {
        b"salt/a": b"1",
        b"salt/f/one": b"2",
        b"salt/f/two": b"3",
        b"salt/f/ten/x": b"5",
        b"salt/f/three": ("120000", b"../g/deep/inner"),
        b"salt/g/deep/inner/x": b"5",
        b"salt/z": b"4",
        b"salt.d/x": b"5",
    }


def test_a_book_may_be_the_whole_shelf(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    root, inner = make_repo("root"), make_repo("inner")
    root.commit({b"A": b"1", b"m": b"2", b"z/z": b"3"})
    inner.commit({b"x": b"5"})
    manifest = write_manifest(
        f"books:\n- {{book: ., git: '{root.url}'}}\n- {{book: n/o, git: '{inner.url}'}}\n"
    )
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    gitshelf.extract(kit.path, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "KIT")
    assert tree_of(tmp_path / "out") == {b"A": b"1", b"m": b"2", b"z/z": b"3", b"n/o/x": b"5"}
    root.commit({b"KIT/lock.json": b"mine"})
    with pytest.raises(GitshelfError, match="its KIT is in the way"):
        gitshelf.build(manifest, tmp_path / "kit.tar")


@pytest.mark.parametrize("path", [b"f", b"f/g", b"f/g/h"])
def test_book_on_top_of_anothers_path_is_refused(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    path: bytes,
) -> None:
    outer = make_repo("outer")
    outer.commit({path: b"1", b"z": b"2"})
    manifest = write_manifest(
        f"books:\n- {{book: o, git: '{outer.url}'}}\n- {{book: o/f/g, git: '{outer.url}'}}\n"
    )
    with pytest.raises(GitshelfError, match=r"gitshelf.yml:2: book o: its o/f.* is in the way"):
        gitshelf.build(manifest, tmp_path / "kit.tar")


def test_link_that_leaves_through_another_books_link_is_refused(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    outer = make_repo("outer")
    outer.commit({b"l": ("120000", b"d/x"), b"a": b"1"})
    text = f"books:\n- {{book: o, git: '{outer.url}'}}\n- {{book: other, git: '{outer.url}'}}\n"
    assert gitshelf.build(write_manifest(text), tmp_path / "kit.tar")
    manifest = write_manifest(text + "- {book: o/d, link: ../other}\n")
    with pytest.raises(GitshelfError, match=r"gitshelf.yml:2: book o: the link o/l leads out"):
        gitshelf.build(manifest, tmp_path / "kit.tar")
