"""Where books go: inside each other, as links, at absolute places, as the whole shelf."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from shelves import leads, names, one_book

Repo = Any
Cli = Callable[..., Any]
Manifest = Callable[[str], Path]


def test_parent_comes_before_its_child_whatever_the_order(
    make_repo: Callable[..., Repo], write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    repos = {name: make_repo(name) for name in ("top", "child", "grandchild")}
    for name, one in repos.items():
        one.commit({b"README": name.encode(), b"lib/x": b"x"})
    manifest = write_manifest(
        "books:\n"
        "- {book: top/lib/link, link: ../../other}\n"
        f"- {{book: top/lib/child/deep/g, git: '{repos['grandchild'].url}'}}\n"
        f"- {{book: top/lib/child, git: '{repos['child'].url}'}}\n"
        f"- {{book: top, git: '{repos['top'].url}'}}\n"
        f"- {{book: other, git: '{repos['child'].url}'}}\n"
    )
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert said.out.count(": cloned at ") == 4  # none of them around what was there
    assert (shelf / "top/lib/child/deep/g/README").read_text() == "grandchild"
    assert (shelf / "top/lib/link/README").read_text() == "child"
    said = run_cli("status", "--gitshelf", manifest)
    assert said.code == 0, said.out
    (shelf / "top/lib/child/deep/mine").write_text("")
    said = run_cli("status", "--gitshelf", manifest)
    assert "top/lib/child: untracked: deep/mine\n" in said.out
    assert "top: " not in said.out
    repos["top"].commit({b"README": b"new"})
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "top/lib/child/deep/g/README").read_text() == "grandchild"


def test_link_books_are_links_that_follow_the_manifest(
    write_manifest: Manifest, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    text = f"books:\n- {{book: x/l, link: ../y}}\n- {{book: abs, link: {tmp_path}/far}}\n"
    manifest = write_manifest(text)
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert leads(shelf / "x/l") == "../y"
    assert leads(shelf / "abs") == f"{tmp_path}/far"
    assert run_cli("status", "--gitshelf", manifest).code == 0
    manifest = write_manifest(text.replace("../y", "../z"))
    said = run_cli("status", "--gitshelf", manifest)
    assert (said.code, "x/l: leads to ../y, not ../z" in said.out) == (1, True)
    said = run_cli("install", "--gitshelf", manifest, "--skip-deletes")
    assert said.code == 1
    assert leads(shelf / "x/l") == "../y"
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert leads(shelf / "x/l") == "../z"


def test_link_never_takes_the_place_of_what_is_there(
    write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest("books:\n- {book: l, link: y}\n- {book: m, link: y}\n")
    (shelf / "l").write_text("mine\n")
    (shelf / "m").mkdir()
    (shelf / "m" / "f").write_text("mine\n")
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 1
    assert (shelf / "l").read_text() == "mine\n"
    assert run_cli("install", "--gitshelf", manifest, "--force").code == 1  # never a whole folder
    assert leads(shelf / "l") == "y"
    assert (shelf / "m" / "f").read_text() == "mine\n"


def test_fakeroot_makes_a_tree_that_can_be_moved(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(
        f"books:\n- {{book: /srv/salt, git: '{repo.url}'}}\n"
        "- {book: /srv/formulas/x, link: /srv/salt}\n"
        "- {book: /etc/up, link: ../srv/salt/a}\n"
        f"- {{book: ./beside, git: '{repo.url}'}}\n"
    )
    options = ("--gitshelf", manifest, "--fakeroot", "root")
    assert run_cli("install", *options).code == 0
    assert run_cli("status", *options).code == 0
    assert leads(shelf / "root/srv/formulas/x") == "../salt"
    (shelf / "root").rename(shelf / "moved")
    assert (shelf / "moved/srv/formulas/x/README").read_text() == "two\n"
    assert (shelf / "beside" / "README").exists()


def test_absolute_book_without_fakeroot_goes_where_it_says(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    manifest = write_manifest(f"books:\n- {{book: {tmp_path}/far/a, git: '{repo.url}'}}\n")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (tmp_path / "far" / "a" / "README").exists()
    assert names(shelf) == []


def test_folder_of_a_repository_is_a_link_into_its_clone(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo, "master", ", path: a"))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "run").exists()
    assert leads(shelf / "a") == ".a.clone/a"
    assert run_cli("status", "--gitshelf", manifest).code == 0


def test_whole_shelf_as_one_book(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(f"books:\n- {{book: ., git: '{repo.url}'}}\n")
    (shelf / "notes").write_text("")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "README").exists()
    assert "untracked: notes" in run_cli("status", "--gitshelf", manifest).out


def test_place_that_cannot_be_made_names_the_book(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    (shelf / "file").write_text("")
    manifest = write_manifest(f"books:\n- {{book: file/a, git: '{repo.url}'}}\n")
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 2
    assert f"{manifest}:2: book file/a: " in said.err
