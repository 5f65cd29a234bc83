"""A cache that is all there is left of a pin, and one that is damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kitfiles import one_book

import gitshelf

Repo = Any


def test_pin_survives_in_the_cache_when_it_is_pushed_away(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    before = gitshelf.build(manifest, tmp_path / "one.tar")
    shutil.rmtree(repo.path)
    offline = gitshelf.Options(offline=True)
    assert gitshelf.build(manifest, tmp_path / "two.tar", options=offline).digest == before.digest
    shutil.rmtree(tmp_path / "cache" / "gitshelf" / "v1" / "chunks")
    assert gitshelf.build(manifest, tmp_path / "three.tar", options=offline).digest == before.digest


@pytest.mark.parametrize(
    "what", ["chunks/*.tar", "chunks/*.json", "objects/*", "stores/*/**/*.pack"]
)
@pytest.mark.parametrize("how", ["zeros", "empty", "gone"])
def test_damaged_cache_heals(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    what: str,
    how: str,
) -> None:
    repo = make_repo()
    repo.commit({b"README": b"hello\n" * 100, b"a/b": b"c"})
    manifest = write_manifest(one_book(repo))
    before = gitshelf.build(manifest, tmp_path / "one.tar")
    cache = tmp_path / "cache" / "gitshelf" / "v1"
    if what.endswith(".pack"):
        shutil.rmtree(cache / "chunks")
        shutil.rmtree(cache / "objects")
    damaged = list(cache.glob(what))
    assert damaged
    for path in damaged:
        path.chmod(0o600)
        size = path.stat().st_size
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(bytes(size) if how == "zeros" else b"")
    assert gitshelf.build(manifest, tmp_path / "two.tar").digest == before.digest
