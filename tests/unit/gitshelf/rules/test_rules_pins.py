"""Pins: each release rule finds the book that breaks it, and leaves the others alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from rulebook import book, findings

import gitshelf

Repo = Any
Cli = Callable[..., Any]
Write = Callable[[str], Path]


def test_pin_that_is_no_full_sha_is_found_with_line_and_remedy(
    repo: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    manifest = write_manifest(
        "books:\n"
        + book("a", repo, f"branch: {repo.commits[0]}, track: master")
        + book("b", repo, "branch: master")
    )
    said = run_cli("lint", "--gitshelf", manifest)
    assert said.code == 1
    assert f"{manifest}:3: book b: master is not a full SHA [full-sha]" in said.out
    assert "remedy: pin it" in said.out
    said = run_cli("lint", "--json", "--gitshelf", manifest, "--rule", "full-sha")
    (one,) = json.loads(said.out)["findings"]
    assert (one["rule"], one["book"], one["line"]) == ("full-sha", "b", 3)
    assert run_cli("pin", "--gitshelf", manifest).code == 0
    assert run_cli("lint", "--gitshelf", manifest).code == 0


def test_pin_that_only_the_cache_has_is_found(repo: Repo, write_manifest: Write) -> None:
    pin = repo.commits[0]
    manifest = write_manifest("books:\n" + book("a", repo, f"branch: {pin}"))
    gitshelf.resolve(manifest)
    assert findings(manifest, "exists") == []
    repo.git("update-ref", "-d", "refs/heads/master")
    repo.commit({b"x": b"1"})
    repo.git("gc", "-q", "--prune=now")
    assert findings(manifest, "exists") == [("exists", "a")]
    assert gitshelf.resolve(manifest).commits == {"a": pin}


def test_pin_off_its_branch_or_without_one_is_found(repo: Repo, write_manifest: Write) -> None:
    side = repo.commit({b"a": b"1"}, branch="side")
    manifest = write_manifest(
        "books:\n"
        + book("good", repo, f"branch: {repo.commits[0]}, track: master")
        + book("off", repo, f"branch: {side}, track: master")
        + book("none", repo, f"branch: {side}")
    )
    assert findings(manifest, "on-branch") == [("on-branch", "off"), ("on-branch", "none")]


def test_pin_that_goes_back_is_found_unless_the_manifest_says_so(
    repo: Repo, write_manifest: Write, tmp_path: Path
) -> None:
    first, second = repo.commits
    text = "books:\n" + book("a", repo, "branch: A") + book("b", repo, "branch: B")
    write_manifest(text.replace("A}", f"{second}}}").replace("B}", f"{first}}}")).rename(
        tmp_path / "before.yml"
    )
    gitshelf.build(tmp_path / "before.yml", tmp_path / "before.tar")
    now = text.replace("A}", f"{first}}}").replace("B}", f"{second}}}")
    for before in ("before.yml", "before.tar"):
        assert findings(write_manifest(now), "descends", previous=str(tmp_path / before)) == [
            ("descends", "a")
        ]
    rule = "lint: {descends: {from: ../before.yml, except: [a]}}\n"
    assert findings(write_manifest(rule + now)) == []
    assert findings(write_manifest(rule.replace(", except: [a]", "") + now)) == [("descends", "a")]
    with pytest.raises(GitshelfError, match="needs the release before"):
        findings(write_manifest(now), "descends")


def test_tag_that_moved_is_found(repo: Repo, write_manifest: Write) -> None:
    first, second = repo.commits
    repo.git("tag", "v1", first)
    manifest = write_manifest("books:\n" + book("a", repo, f"branch: {first}, tag: v1"))
    assert findings(manifest, "tag") == []
    repo.git("tag", "-f", "v1", second)
    assert findings(manifest, "tag") == [("tag", "a")]


def test_repository_that_is_away_is_an_error_with_the_book(
    write_manifest: Write, run_cli: Cli, tmp_path: Path
) -> None:
    manifest = write_manifest(f"books:\n- {{book: a, git: 'file://{tmp_path}/x', branch: v1}}\n")
    for rule in ("exists", "secrets", "same-path"):
        said = run_cli("lint", "--rule", rule, "--gitshelf", manifest)
        assert said.code == 2
        assert f"{manifest}:2: book a: " in said.err
    assert run_cli("lint", "--rule", "full-sha", "--gitshelf", manifest).code == 1


def test_commit_that_is_nowhere_is_a_finding_where_that_is_asked(
    repo: Repo, write_manifest: Write
) -> None:
    manifest = write_manifest(
        "books:\n" + book("a", repo, f"branch: {'1' * 40}") + book("b", repo, "branch: master")
    )
    assert findings(manifest, "exists") == [("exists", "a")]
    both = findings(manifest, "secrets", "on-branch", "exists", "full-sha")
    assert both == [("exists", "a"), ("full-sha", "b")]
    with pytest.raises(GitshelfError, match=r"gitshelf.yml:2: book a: .* has no commit 1111"):
        findings(manifest, "secrets")
