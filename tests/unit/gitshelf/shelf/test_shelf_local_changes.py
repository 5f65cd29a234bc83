"""What `install` does about a user's own work in a clone: it stays until asked otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inclone import sh
from shelves import leads, names, one_book

Repo = Any
Cli = Callable[..., Any]
Manifest = Callable[[str], Path]


def modify(clone: Path) -> None:
    (clone / "README").write_text("mine\n")


def stage(clone: Path) -> None:
    (clone / "mine").write_text("mine\n")
    sh(clone, "add", "mine")


def put_in_the_way(clone: Path) -> None:
    (clone / "a" / "new").parent.mkdir(exist_ok=True)
    (clone / "a" / "new").write_text("mine\n")


def put_ignored_in_the_way(clone: Path) -> None:
    (clone / ".git" / "info" / "exclude").write_text("new\n")
    put_in_the_way(clone)


def put_folder_in_the_way(clone: Path) -> None:
    (clone / "a" / "new").mkdir()
    (clone / "a" / "new" / "x").write_text("mine\n")


def put_link_in_the_way(clone: Path) -> None:
    (clone / "dir").symlink_to("/nonexistent")


def commit(clone: Path) -> None:
    (clone / "README").write_text("mine\n")
    sh(clone, "commit", "-qam", "mine")


@pytest.mark.parametrize(
    "change",
    [
        modify,
        stage,
        put_in_the_way,
        put_ignored_in_the_way,
        put_folder_in_the_way,
        put_link_in_the_way,
        commit,
    ],
)
@pytest.mark.parametrize("by_branch", [True, False])
def test_local_change_is_kept_until_asked_to_overwrite(
    repo: Repo,
    write_manifest: Manifest,
    run_cli: Cli,
    shelf: Path,
    change: Callable[[Path], None],
    by_branch: bool,
) -> None:
    first = "master" if by_branch else repo.commits[-1]
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo, first))).code == 0
    clone = shelf / "a"
    change(clone)
    mine = sh(clone, "rev-parse", "HEAD")
    before = {p: p.read_bytes() for p in clone.rglob("*") if p.is_file() and ".git" not in p.parts}
    new = repo.commit({b"README": b"three\n", b"a/new": b"n\n", b"dir/x": b"x\n"})
    manifest = write_manifest(one_book(repo, "master" if by_branch else new))
    for _ in range(2):
        said = run_cli("install", "--gitshelf", manifest)
        assert said.code == 1
        assert "a: kept as it is, because it has " in said.err
        assert sh(clone, "rev-parse", "HEAD") == mine
        assert before == {p: p.read_bytes() for p in before}
    assert run_cli("status", "--gitshelf", manifest).code == 1
    said = run_cli("install", "--gitshelf", manifest, "--force")
    assert said.code == 0, said.err
    assert sh(clone, "rev-parse", "HEAD") == new
    assert (clone / "README").read_text() == "three\n"
    assert (clone / "a" / "new").read_text() == "n\n"
    if change in (commit, modify):
        kept = sh(clone, "for-each-ref", "--format=%(refname)", "refs/gitshelf/kept/").split()
        assert sh(clone, "show", f"{kept[0]}:README") == "mine"


def test_change_that_is_in_nobodys_way_stays(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    (shelf / "a" / "notes").write_text("mine\n")
    repo.commit({b"README": b"three\n"})
    assert run_cli("install", "--gitshelf", manifest).code == 0
    modify(shelf / "a")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "notes").read_text() == "mine\n"
    assert (shelf / "a" / "README").read_text() == "mine\n"


def test_pushed_commit_is_not_in_the_way(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo))).code == 0
    commit(shelf / "a")
    sh(shelf / "a", "push", "-q", "origin", "HEAD:refs/heads/topic")
    manifest = write_manifest(one_book(repo, repo.commits[0]))
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err


def test_force_push_upstream_is_no_commit_of_the_user(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    repo.git("update-ref", "refs/heads/master", repo.commits[0])
    new = repo.commit({b"README": b"rewritten\n"})
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert sh(shelf / "a", "rev-parse", "HEAD") == new


def test_folder_with_files_becomes_a_clone_around_them_unless_they_clash(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    (shelf / "a").mkdir()
    (shelf / "a" / "README").write_text("mine\n")
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 1
    assert "README" in said.err
    assert names(shelf / "a") == ["README"]
    (shelf / "a" / "README").rename(shelf / "a" / "mine")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "README").read_text() == "two\n"
    assert sh(shelf / "a", "status", "--porcelain") == "?? mine"
    assert names(shelf) == ["a"]


def test_repository_without_a_commit_keeps_its_files(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    clone = shelf / "a"
    clone.mkdir()
    sh(clone, "init", "-q")
    sh(clone, "remote", "add", "origin", repo.url)
    (clone / "README").write_text("mine\n")
    manifest = write_manifest(one_book(repo))
    assert run_cli("install", "--gitshelf", manifest).code == 1
    sh(clone, "add", "README")
    assert run_cli("install", "--gitshelf", manifest).code == 1
    assert (clone / "README").read_text() == "mine\n"
    sh(clone, "rm", "-q", "--cached", "README")
    (clone / "README").unlink()
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (clone / "README").read_text() == "two\n"


def test_clone_that_its_user_is_busy_with_is_an_error_that_names_the_book(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo))).code == 0
    lock = shelf / "a" / ".git" / "index.lock"
    lock.write_text("")
    manifest = write_manifest(one_book(repo, repo.commits[0]))
    for _ in range(2):
        said = run_cli("install", "--gitshelf", manifest)
        assert (said.code, lock.exists()) == (2, True)
        assert f"{manifest}:2: book a: " in said.err
        assert "index.lock" in said.err
    lock.unlink()
    assert run_cli("install", "--gitshelf", manifest).code == 0


def test_link_in_the_place_of_a_tracked_file_is_no_change_of_the_book_around_it(
    make_repo: Callable[..., Repo], write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    repo = make_repo()
    repo.commit({b"l": ("120000", b"f"), b"f": b"x", b"g": b"y"})
    manifest = write_manifest(one_book(repo) + "- {book: a/l, link: g}\n")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert leads(shelf / "a" / "l") == "g"
    said = run_cli("status", "--gitshelf", manifest)
    assert said.code == 0, said.out
    repo.commit({b"l": ("120000", b"f"), b"f": b"new"})
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "f").read_text() == "new"
    assert leads(shelf / "a" / "l") == "g"
