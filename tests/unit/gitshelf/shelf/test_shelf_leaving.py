"""Books that leave the manifest leave the shelf, unless something in them is their user's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inclone import sh

Repo = Any
Cli = Callable[..., Any]
Manifest = Callable[[str], Path]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def books(repo: Repo, *places: str, more: str = "") -> str:
    lines = [f"- {{book: {place}, git: '{repo.url}'}}\n" for place in places]
    return "books:\n" + "".join(lines) + more


LINK = "- {book: link, link: stays}\n"


@pytest.fixture
def full(repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path) -> Path:
    """A shelf with more on it than the manifest that is written then: only `stays` is left."""
    text = books(repo, "stays", "d/goes", "d/goes/inner", more=LINK)
    assert run_cli("install", "--gitshelf", write_manifest(text)).code == 0
    assert names(shelf) == ["d", "link", "stays"]
    return write_manifest(books(repo, "stays"))


def test_what_left_the_manifest_is_removed_with_its_empty_folders(
    full: Path, run_cli: Cli, shelf: Path
) -> None:
    said = run_cli("install", "--gitshelf", full)
    assert (said.code, said.err) == (0, "")
    assert "d/goes: removed\n" in said.out
    assert "d/goes/inner: removed\n" in said.out
    assert "link: removed\n" in said.out
    assert names(shelf) == ["stays"]
    assert "0 changed" in run_cli("install", "--gitshelf", full).out


def test_dry_run_says_what_would_be_removed(full: Path, run_cli: Cli, shelf: Path) -> None:
    said = run_cli("install", "--gitshelf", full, "--dry-run")
    assert said.code == 0, said.err
    assert said.out.count("would be removed") == 3
    assert names(shelf) == ["d", "link", "stays"]
    assert run_cli("install", "--gitshelf", full).out.count("removed") == 3


def test_skip_deletes_keeps_it_and_a_later_install_removes_it(
    full: Path, run_cli: Cli, shelf: Path
) -> None:
    said = run_cli("install", "--gitshelf", full, "--skip-deletes")
    assert (said.code, said.err) == (0, "")
    assert names(shelf) == ["d", "link", "stays"]
    assert run_cli("install", "--gitshelf", full).code == 0
    assert names(shelf) == ["stays"]


def _change(path: Path) -> None:
    (path / "README").write_text("mine\n")


def _untracked(path: Path) -> None:
    (path / "notes").write_text("mine\n")


def _ignored(path: Path) -> None:
    (path / ".git" / "info" / "exclude").write_text("secret\n")
    (path / "secret").write_text("mine\n")


def _commit(path: Path) -> None:
    sh(path, "commit", "-q", "--allow-empty", "-m", "mine")


def _commit_elsewhere(path: Path) -> None:
    sh(path, "checkout", "-q", "-b", "mine")
    sh(path, "commit", "-q", "--allow-empty", "-m", "mine")
    sh(path, "checkout", "-q", "master")


def _stash(path: Path) -> None:
    (path / "README").write_text("mine\n")
    sh(path, "stash")


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize(
    ("do", "why"),
    [
        (_change, "it has local changes: README"),
        (_untracked, "it has files that are not in git: notes"),
        (_ignored, "it has files that are not in git: secret"),
        (_commit, "it has commits that are not pushed"),
        (_commit_elsewhere, "it has commits that are not pushed"),
        (_stash, "it has commits that are not pushed"),
    ],
)
def test_clone_with_anything_of_its_user_is_named_and_kept(
    full: Path,
    run_cli: Cli,
    shelf: Path,
    do: Callable[[Path], None],
    why: str,
    force: list[str],
) -> None:
    do(shelf / "d" / "goes")
    for _ in range(2):
        said = run_cli("install", "--gitshelf", full, *force)
        assert said.code == 1
        assert f"d/goes: kept as it is, because it left the manifest, but {why}" in said.err
        assert names(shelf / "d") == ["goes"]
    shutil.rmtree(shelf / "d" / "goes")
    assert run_cli("install", "--gitshelf", full).code == 0


def test_clone_in_which_other_books_lie_is_kept(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    text = books(repo, "a", "a/in")
    assert run_cli("install", "--gitshelf", write_manifest(text)).code == 0
    said = run_cli("install", "--gitshelf", write_manifest(books(repo, "a/in")))
    assert said.code == 1
    assert "other books lie in it" in said.err
    assert (shelf / "a" / "README").exists()


def test_clones_and_links_that_install_did_not_make_are_left_alone(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    sh(shelf, "clone", "-q", repo.url, "mine")
    (shelf / "other").symlink_to("mine")
    text = books(repo, "mine", more="- {book: other, link: mine}\n")
    assert run_cli("install", "--gitshelf", write_manifest(text)).code == 0
    assert run_cli("install", "--gitshelf", write_manifest("books: []\n")).code == 0
    assert names(shelf) == ["mine", "other"]


def test_clone_that_took_the_place_of_ours_is_left_alone(
    full: Path, repo: Repo, run_cli: Cli, shelf: Path
) -> None:
    shutil.rmtree(shelf / "d" / "goes")
    sh(shelf, "clone", "-q", repo.url, "d/goes")
    said = run_cli("install", "--gitshelf", full)
    assert said.code == 1
    assert "it is not as install left it" in said.err
    assert (shelf / "d" / "goes" / "README").exists()


def test_link_that_its_user_turned_elsewhere_is_left_alone(
    full: Path, run_cli: Cli, shelf: Path
) -> None:
    (shelf / "link").unlink()
    (shelf / "link").symlink_to("/elsewhere")
    assert run_cli("install", "--gitshelf", full).code == 0
    assert names(shelf) == ["link", "stays"]


def test_link_that_install_turned_is_still_its_own(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    for target in ("a", "b"):
        text = books(repo, "a", "b", more=f"- {{book: l, link: {target}}}\n")
        assert run_cli("install", "--gitshelf", write_manifest(text)).code == 0
    assert run_cli("install", "--gitshelf", write_manifest(books(repo, "a"))).code == 0
    assert names(shelf) == ["a"]


def test_book_that_becomes_a_link_makes_way_for_it(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    assert run_cli("install", "--gitshelf", write_manifest(books(repo, "a", "b"))).code == 0
    linked = write_manifest(books(repo, "a", more="- {book: b, link: a}\n"))
    said = run_cli("install", "--gitshelf", linked)
    assert said.code == 0, said.err
    assert (shelf / "b").is_symlink()
    assert run_cli("install", "--gitshelf", write_manifest(books(repo, "a", "b"))).code == 0
    assert not (shelf / "b").is_symlink()
    assert (shelf / "b" / "README").exists()


def test_book_of_a_folder_leaves_with_its_clone(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    text = f"books:\n- {{book: f, git: '{repo.url}', path: a}}\n"
    assert run_cli("install", "--gitshelf", write_manifest(text)).code == 0
    assert names(shelf) == [".f.clone", "f"]
    assert run_cli("install", "--gitshelf", write_manifest("books: []\n")).code == 0
    assert names(shelf) == []


def test_absolute_books_leave_the_fakeroot(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    root = ["--fakeroot", tmp_path / "root"]
    text = books(repo, "/srv/deep/a", "/srv/b")
    assert run_cli("install", "--gitshelf", write_manifest(text), *root).code == 0
    said = run_cli("install", "--gitshelf", write_manifest(books(repo, "/srv/b")), *root)
    assert "srv/deep/a: removed\n" in said.out
    assert names(tmp_path / "root" / "srv") == ["b"]


def test_other_manifests_of_the_same_folder_are_not_touched(
    full: Path, repo: Repo, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.yml"
    other.write_text(books(repo, "theirs"))
    assert run_cli("install", "--gitshelf", other).code == 0
    assert run_cli("install", "--gitshelf", full).code == 0
    assert names(shelf) == ["stays", "theirs"]


def test_nothing_is_removed_where_a_repository_cannot_be_asked(
    full: Path, run_cli: Cli, shelf: Path, repo: Repo
) -> None:
    full.write_text(books(repo, "stays", "new").replace(repo.url, "file:///nowhere/x"))
    assert run_cli("install", "--gitshelf", full).code == 2
    assert names(shelf) == ["d", "link", "stays"]
