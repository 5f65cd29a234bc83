"""Pins that name no commit, or not one of the branch that they track."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onebuild import build

import gitshelf

Repo = Any
Cli = Callable[..., Any]


def test_unknown_sha_is_one_error_with_file_line_book_and_remedy(
    repo: Repo, write_manifest: Callable[[str], Path], run_cli: Cli
) -> None:
    manifest = write_manifest(
        f"books:\n- {{book: a, git: '{repo.url}'}}\n"
        f"- book: deep/b\n  git: {repo.url}\n  branch: {'1' * 40}\n"
    )
    said = build(run_cli, manifest)
    assert said.code == 2
    assert f"{manifest}:3: book deep/b: {repo.url} has no commit {'1' * 40}" in said.err


@pytest.mark.parametrize("ref", ["nope", "abcdef1"])
def test_unknown_branch_is_one_error(
    repo: Repo, write_manifest: Callable[[str], Path], run_cli: Cli, ref: str
) -> None:
    said = build(
        run_cli, write_manifest(f"books:\n- {{book: a, git: '{repo.url}', branch: {ref}}}\n")
    )
    assert said.code == 2
    assert f"book a: {repo.url} has no branch or tag {ref}" in said.err
    assert ("all digits" in said.err) is (ref == "abcdef1")


def test_name_of_branch_and_tag_is_refused_until_it_says_which(
    repo: Repo, write_manifest: Callable[[str], Path], run_cli: Cli
) -> None:
    repo.git("tag", "master", repo.commits[0])
    text = f"books:\n- {{book: a, git: '{repo.url}', branch: BRANCH}}\n"
    said = build(run_cli, write_manifest(text.replace("BRANCH", "master")))
    assert said.code == 2
    assert "both a branch and a tag" in said.err
    assert build(run_cli, write_manifest(text.replace("BRANCH", "refs/tags/master"))).code == 0


def test_tree_is_not_a_commit(
    repo: Repo, write_manifest: Callable[[str], Path], run_cli: Cli
) -> None:
    tree = repo.git("rev-parse", "HEAD^{tree}")
    said = build(
        run_cli, write_manifest(f"books:\n- {{book: a, git: '{repo.url}', branch: {tree}}}\n")
    )
    assert said.code == 2
    assert "book a: " in said.err


def test_pin_must_be_on_the_branch_it_tracks(
    repo: Repo, write_manifest: Callable[[str], Path], run_cli: Cli
) -> None:
    side = repo.commit({b"a": b"1"}, branch="side")
    text = "books:\n- {{book: a, git: '{}', branch: {}, track: {}}}\n"
    for pin, branch in ((repo.commits[0], "master"), (repo.commits[1], "master"), (side, "side")):
        assert build(run_cli, write_manifest(text.format(repo.url, pin, branch))).code == 0
        assert gitshelf.on_branch(repo.url, pin, branch)
    shutil.rmtree(write_manifest("").parent / "out")
    said = build(run_cli, write_manifest(text.format(repo.url, side, "master")))
    assert said.code == 2
    assert f"book a: the pin {side} is not on the branch master" in said.err
    assert not gitshelf.on_branch(repo.url, side, "master")
    said = build(run_cli, write_manifest(text.format(repo.url, side, "nope")))
    assert said.code == 2
    assert "no branch or tag nope" in said.err
