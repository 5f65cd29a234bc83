"""Installed clones get the LFS objects that their books include."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lfsbooks import ATTRIBUTES, BIG, SMALL, manifest_of, pointer, stored

Repo = Any

if shutil.which("git-lfs") is None and os.environ.get("CI") != "true":
    pytest.skip("git-lfs is not installed", allow_module_level=True)


def test_install_brings_the_objects_that_a_book_includes(
    big: Repo, write_manifest: Callable[[str], Path], run_cli: Callable[..., Any], shelf: Path
) -> None:
    manifest = write_manifest(manifest_of(big))
    said = run_cli("install", "--gitshelf", manifest)
    assert (said.code, said.err) == (0, "")
    assert (shelf / "b/a.bin").read_bytes() == SMALL
    assert (shelf / "b/d/b.bin").read_bytes() == BIG
    assert run_cli("status", "--gitshelf", manifest).code == 0
    again = run_cli("install", "--gitshelf", manifest)
    assert again.out == f"{manifest}: 1 books, 0 changed, 0 kept\n"
    big.commit({b".gitattributes": ATTRIBUTES, b"c.bin": stored(big, b"new\n")})
    assert run_cli("install", "--gitshelf", write_manifest(manifest_of(big))).code == 0
    assert (shelf / "b/c.bin").read_bytes() == b"new\n"
    (shelf / "b/c.bin").write_bytes(b"mine\n")
    assert "b: changed: c.bin" in run_cli("status", "--gitshelf", manifest).out


def test_install_names_pointers_that_stay_until_the_book_includes_them(
    big: Repo, write_manifest: Callable[[str], Path], run_cli: Callable[..., Any], shelf: Path
) -> None:
    text = manifest_of(big)
    said = run_cli("install", "--gitshelf", write_manifest(text.replace("  lfs: include\n", "")))
    assert said.code == 0
    assert "b: cloned (LFS pointers, as the book does not say `lfs: include`: a.bin, " in said.out
    assert (shelf / "b/a.bin").read_bytes() == pointer(SMALL)
    said = run_cli("install", "--gitshelf", write_manifest(text.replace("include", "omit")))
    assert "LFS pointers" not in said.out
    assert run_cli("install", "--gitshelf", write_manifest(text)).code == 0
    assert (shelf / "b/a.bin").read_bytes() == SMALL


def test_install_without_an_object_or_without_git_lfs_names_the_file_and_leaves_no_clone(
    big: Repo,
    write_manifest: Callable[[str], Path],
    run_cli: Callable[..., Any],
    shelf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = write_manifest(manifest_of(big))
    (big.path / "lfs").rename(tmp_path / "away")
    for options, message in (
        ((), "book b: the LFS object of a.bin, d/b.bin, d/same.bin cannot be fetched ("),
        (
            ("--offline",),
            "book b: the LFS object of a.bin, d/b.bin, d/same.bin is not in the cache",
        ),
    ):
        said = run_cli("install", "--gitshelf", manifest, *options)
        assert said.code == 2
        assert message in said.err
        assert list(shelf.iterdir()) == []
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "sh"):
        (tools / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(tools))
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 2
    assert "which is not installed" in said.err
    assert "Debian: git-lfs" in said.err
