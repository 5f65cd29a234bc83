"""`gitshelf cache show` and `prune`: what is in the cache, and what goes."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.cache import Cache, store_named
from gitshelf.cache.housekeeping import contents, prune

import gitshelf

Repo = Any
Cli = Callable[..., Any]
DAY = 86400


def age(days: float) -> None:
    """Make all that the cache holds look as if last used so long ago."""
    then = time.time() - days * DAY
    for held in contents(Cache()):
        os.utime(held.path, (then, then))


@pytest.fixture
def shelf(repo: Repo, write_manifest: Callable[[str], Path]) -> Path:
    return write_manifest(f"books:\n- {{book: a, git: '{repo.url}', branch: {repo.commits[0]}}}\n")


def test_cache_show_says_what_is_there_and_how_big(
    shelf: Path, run_cli: Cli, tmp_path: Path
) -> None:
    empty = json.loads(run_cli("cache", "show", "--json").out)
    assert empty["held"] == []
    gitshelf.build(shelf, tmp_path / "kit.tar")
    held = json.loads(run_cli("cache", "show", "--json").out)["held"]
    assert [one["kind"] for one in held] == ["store", "book", "commit"]
    assert all(one["bytes"] > 100 for one in held)
    assert held[0]["pins"] == 1
    assert held[0]["name"].startswith("book-")
    said = run_cli("cache", "show").out
    assert held[0]["name"] in said


def test_prune_removes_what_is_old_and_the_next_build_is_the_same(
    shelf: Path, run_cli: Cli, tmp_path: Path
) -> None:
    before = gitshelf.build(shelf, tmp_path / "kit.tar").digest
    assert json.loads(run_cli("cache", "prune", "--json").out)["held"] == []
    age(31)
    said = json.loads(run_cli("cache", "prune", "--dry-run", "--json").out)
    assert (len(said["held"]), said["removed"]) == (3, False)
    assert len(contents(Cache())) == 3
    assert "3 things" in run_cli("cache", "prune").out
    assert contents(Cache()) == []
    assert list((tmp_path / "cache/gitshelf/v1/chunks").iterdir()) == []
    assert gitshelf.build(shelf, tmp_path / "kit.tar").digest == before


def test_use_keeps_a_book_from_being_pruned(shelf: Path, tmp_path: Path) -> None:
    gitshelf.build(shelf, tmp_path / "kit.tar")
    age(31)
    gitshelf.build(shelf, tmp_path / "kit.tar")
    assert [held.kind for held in prune(Cache(), 30 * DAY)] == ["commit"]


def test_prune_leaves_a_repository_that_is_written_to(shelf: Path, tmp_path: Path) -> None:
    gitshelf.build(shelf, tmp_path / "kit.tar")
    age(31)
    cache = Cache()
    (store,) = [held for held in contents(cache) if held.kind == "store"]
    with store_named(cache.root, "stores", store.name).writing(1):
        assert "store" not in [held.kind for held in prune(cache, DAY)]
    assert store.path.is_dir()
    assert "store" in [held.kind for held in prune(cache, DAY)]


def test_prune_clears_what_killed_runs_left(tmp_path: Path) -> None:
    left = Cache().root / "chunks" / ".abc.tar.part-999999999-0a0a0a0a"
    left.write_bytes(b"half")
    prune(Cache(), DAY)
    assert not left.exists()


def test_builds_while_the_cache_is_emptied_again_and_again_are_right(
    shelf: Path, tmp_path: Path
) -> None:
    before = gitshelf.build(shelf, tmp_path / "kit.tar").digest
    over = threading.Event()

    def empty() -> None:
        while not over.wait(0.02):
            prune(Cache(), 0)

    emptier = threading.Thread(target=empty)
    emptier.start()
    try:
        for _ in range(8):
            try:
                assert gitshelf.build(shelf, tmp_path / "kit.tar").digest == before
            except gitshelf.GitshelfError as error:
                # Emptied twice within one build, which gives up then and says so.
                assert error.remedy
    finally:
        over.set()
        emptier.join()
    assert gitshelf.build(shelf, tmp_path / "kit.tar").digest == before
