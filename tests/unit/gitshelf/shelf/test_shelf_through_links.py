"""Nothing on a shelf is written, moved or removed through a link that a book brings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from gitshelf.shelf import beneath
from gitshelf.shelf.beneath import BehindLink
from gitshelf.shelf.clones import WouldLoseWork
from submodulebooks import gitmodules, link_to

Repo = Any
Cli = Callable[..., Any]
Manifest = Callable[[str], Path]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the shelf, with something in it."""
    folder = tmp_path / "outside"
    (folder / "empty").mkdir(parents=True)
    (folder / "file").write_text("mine")
    return folder


def _everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("options", [(), ("--force",), ("--dry-run",)])
@pytest.mark.parametrize("inside", [".git", "../outside", "/tmp"])
def test_book_behind_a_link_of_its_parent_is_kept_out_and_the_others_come(
    inside: str,
    options: tuple[str, ...],
    make_repo: Callable[..., Repo],
    repo: Repo,
    write_manifest: Manifest,
    run_cli: Cli,
    shelf: Path,
    outside: Path,
) -> None:
    parent = make_repo("parent")
    target = os.fspath(outside) if inside == "/tmp" else inside
    parent.commit({b"sub": ("120000", target.encode()), b"README": b"1"})
    text = (
        f"books:\n- {{book: parent, git: '{parent.url}'}}\n"
        f"- {{book: parent/sub/deep/child, git: '{repo.url}'}}\n"
        f"- {{book: parent/sub/link, link: ../README}}\n- {{book: other, git: '{repo.url}'}}\n"
    )
    before = _everything(outside)
    if "--dry-run" in options:
        first = write_manifest(f"books:\n- {{book: parent, git: '{parent.url}'}}\n")
        assert run_cli("install", "--gitshelf", first).code == 0
    manifest = write_manifest(text)
    said = run_cli("install", "--gitshelf", manifest, *options)
    assert said.code == 1
    for name in ("parent/sub/deep/child", "parent/sub/link"):
        assert f"{name}: kept as it is, because {shelf / 'parent' / 'sub'} is a link" in said.err
    assert _everything(outside) == before
    assert not (shelf / "parent" / ".git" / "deep").exists()
    if "--dry-run" not in options:
        assert (shelf / "other" / "README").is_file()
        status = run_cli("status", "--gitshelf", manifest)
        assert status.code == 1
        assert f"parent/sub/deep/child: {shelf / 'parent' / 'sub'} is a link" in status.out


def test_clone_that_is_already_behind_a_link_is_neither_moved_nor_removed(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path, outside: Path
) -> None:
    text = f"books:\n- {{book: sub/child, git: '{repo.url}', branch: {repo.commits[0]}}}\n"
    assert run_cli("install", "--gitshelf", write_manifest(text)).code == 0
    (shelf / "sub").rename(outside / "sub")
    (shelf / "sub").symlink_to(outside / "sub")
    moved = write_manifest(text.replace(repo.commits[0], repo.commits[1]))
    said = run_cli("install", "--gitshelf", moved)
    assert (said.code, "is a link, and nothing is written" in said.err) == (1, True)
    assert (outside / "sub" / "child" / "README").read_text() == "one\n"
    for options in (("--dry-run",), ()):
        said = run_cli("install", "--gitshelf", write_manifest("books: []\n"), *options)
        assert (said.code, "it left the manifest, but" in said.err) == (1, True)
    assert (outside / "sub" / "child" / "README").is_file()


def test_submodule_that_was_swapped_for_a_link_is_not_removed_through_it(
    make_repo: Callable[..., Repo],
    repo: Repo,
    write_manifest: Manifest,
    run_cli: Cli,
    shelf: Path,
    outside: Path,
) -> None:
    parent = make_repo("parent")
    submodule = {b".gitmodules": gitmodules(d__inner=repo.url), b"d/inner": link_to(repo)}
    parent.commit({**submodule, b"README": b"1"})
    text = f"books:\n- {{book: p, git: '{parent.url}', submodules: include}}\n"
    manifest = write_manifest(text)
    assert run_cli("install", "--gitshelf", manifest).code == 0
    parent.commit({b"README": b"2"})
    (shelf / "p" / "d").rename(outside / "d")
    (shelf / "p" / "d").symlink_to(outside / "d")
    run_cli("install", "--gitshelf", manifest)
    assert (outside / "d" / "inner" / "README").is_file()


def test_links_above_the_shelf_are_its_users(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, tmp_path: Path, shelf: Path
) -> None:
    (tmp_path / "elsewhere").symlink_to(shelf)
    place = tmp_path / "elsewhere" / "a" / "b"
    manifest = write_manifest(
        f"books:\n- {{book: a, git: '{repo.url}'}}\n- {{book: {place}, git: '{repo.url}'}}\n"
    )
    said = run_cli("install", "--gitshelf", manifest, "--fakeroot", tmp_path / "elsewhere" / "f")
    assert said.code == 0, said.err
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "b" / "README").is_file()


def test_place_that_was_reached_stays_when_its_way_is_swapped_for_a_link(
    tmp_path: Path, outside: Path
) -> None:
    top, path = tmp_path / "top", tmp_path / "top" / "a" / "b" / "c"
    with beneath.reached(top, path, make=True) as place:
        (top / "a").rename(top / "old")
        (top / "a").symlink_to(outside)
        place.mkdir()
    assert (top / "old" / "b" / "c").is_dir()
    assert not (outside / "b").exists()
    with pytest.raises(BehindLink, match="/top/a is a link"), beneath.reached(top, path, make=True):
        pytest.fail("the link was followed")
    (top / "a").unlink()
    (top / "a").write_text("no folder")
    with pytest.raises(NotADirectoryError) as caught, beneath.reached(top, path, make=True):
        pytest.fail("a file was entered")
    assert caught.value.filename == str(top / "a")


def test_errors_name_the_place_and_not_the_open_folder(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with pytest.raises(FileNotFoundError) as missing, beneath.reached(tmp_path, path) as place:
        place.rmdir()
    assert missing.value.filename == str(path)
    with pytest.raises(GitshelfError) as caught, beneath.reached(tmp_path, path) as place:
        raise GitshelfError(f"no {place}: x", f"look at {place}")
    assert (caught.value.message, caught.value.remedy) == (f"no {path}: x", f"look at {path}")
    with (
        pytest.raises(WouldLoseWork, match=f"^{path} is no"),
        beneath.reached(tmp_path, path) as one,
    ):
        raise WouldLoseWork(f"{one} is no folder")
