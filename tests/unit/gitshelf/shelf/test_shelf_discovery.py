"""A manifest from a shelf that is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.manifest import parse
from inclone import sh

Repo = Any
Cli = Callable[..., Any]


def test_discovered_manifest_installs_the_same_shelf(
    installed: Path, run_cli: Cli, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run_cli("discover")
    assert (said.code, said.err) == (0, "")
    found = parse(said.out.encode(), tmp_path / "x.yml")
    assert [(one.place, len(one.branch)) for one in found.books] == [
        ("a", 40),
        ("b", 40),
        ("c", 40),
    ]
    assert [(one.place, one.target) for one in found.links] == [("l", "a")]
    (tmp_path / "x.yml").write_text(said.out)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert run_cli("install", "--gitshelf", tmp_path / "x.yml").code == 0
    assert run_cli("status", "--gitshelf", tmp_path / "x.yml").code == 0


def test_discover_by_branch_writes_branches_and_tags(
    installed: Path, run_cli: Cli, shelf: Path
) -> None:
    sh(shelf / "b", "tag", "v1", "HEAD^")
    sh(shelf / "b", "checkout", "-q", "v1")
    sh(shelf / "c", "checkout", "-q", "--detach")
    said = run_cli("discover", "--use-branch", "--json")
    found = parse(json.loads(said.out)["manifest"].encode(), Path("x.yml"))
    assert [one.branch for one in found.books][:2] == ["master", "v1"]
    assert len(found.books[2].branch) == 40


def test_original_bug_discover_missed_symlinks_to_folders(
    installed: Path, run_cli: Cli, shelf: Path
) -> None:
    (shelf / "deep" / "er").mkdir(parents=True)
    (shelf / "deep" / "er" / "to-folder").symlink_to("../../a/a")
    (shelf / "deep" / "to-file").symlink_to("../a/README")
    (shelf / "c" / "mine").symlink_to("/srv/x y")
    found = parse(run_cli("discover").out.encode(), Path("x.yml"))
    assert {(one.place, one.written_target) for one in found.links} == {
        ("l", "a"),
        ("deep/er/to-folder", "../../a/a"),
        ("deep/to-file", "../a/README"),
        ("c/mine", "/srv/x y"),
    }


def test_discover_leaves_out_what_belongs_to_a_clone_and_says_what_it_cannot_write(
    make_repo: Callable[..., Repo], run_cli: Cli, shelf: Path
) -> None:
    repo = make_repo()
    repo.commit({b"l": ("120000", b"f"), b"f": b"x"})
    sh(shelf, "clone", "-q", repo.url, "it's")
    sh(shelf, "clone", "-q", repo.url, "it's/child")
    sh(shelf, "clone", "-q", repo.url, "{name}")
    sh(shelf, "init", "-q", "alone")
    (shelf / "out").symlink_to("../..")
    said = run_cli("discover")
    assert said.code == 0
    found = parse(said.out.encode(), Path("x.yml"))
    assert [one.place for one in found.books] == ["it's", "it's/child"]
    assert not found.links
    left = [line.removeprefix("left out: ").split(":")[0] for line in said.err.splitlines()]
    assert left == ["alone", "out", "{name}"]


def test_discover_never_overwrites_a_manifest_unasked(
    installed: Path, run_cli: Cli, shelf: Path
) -> None:
    assert run_cli("discover", "--gitshelf", "made.yml").code == 0
    before = (shelf / "made.yml").read_text()
    assert run_cli("discover", "--gitshelf", "made.yml").code == 2
    assert run_cli("discover", "--gitshelf", "made.yml", "--force", shelf / "a").code == 0
    assert before.startswith("books:\n- book: a\n")
    assert (shelf / "made.yml").read_text() == "books: []\n"


def test_url_with_a_password_is_not_written_into_a_manifest(
    installed: Path, run_cli: Cli, shelf: Path
) -> None:
    sh(shelf / "a", "config", "remote.origin.url", "https://me:s3cret@example.org/a.git")
    said = run_cli("discover")
    assert "s3cret" not in said.out + said.err
    assert "git: https://example.org/a.git" in said.out
    said = run_cli("status", "--gitshelf", installed)
    assert said.code == 1
    assert "s3cret" not in said.out
