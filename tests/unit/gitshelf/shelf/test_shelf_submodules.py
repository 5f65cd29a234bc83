"""Installed clones have their submodules at the recorded commits."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from submodulebooks import gitmodules, link_to, manifest_of

Repo = Any


def sh(path: Path, *argv: str) -> str:
    done = subprocess.run(["git", *argv], cwd=path, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def test_install_checks_submodules_out_at_their_recorded_commits(
    nested: dict[str, Repo],
    write_manifest: Callable[[str], Path],
    run_cli: Callable[..., Any],
    shelf: Path,
) -> None:
    manifest = write_manifest(manifest_of(nested["outer"]))
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    deepest = shelf / "b" / "vendor" / "mid" / "deep" / "inner"
    assert sh(deepest, "rev-parse", "HEAD") == nested["inner"].commits[0]
    assert sh(deepest, "config", "remote.origin.url") == nested["inner"].url
    assert sh(shelf / "b", "status", "--porcelain") == ""
    assert run_cli("status", "--gitshelf", manifest).code == 0
    again = run_cli("install", "--gitshelf", manifest)
    assert (again.code, again.out) == (0, f"{manifest}: 3 books, 0 changed, 0 kept\n")
    (deepest / "x").write_bytes(b"mine")
    said = run_cli("status", "--gitshelf", manifest)
    assert said.code == 1
    assert "b/vendor/mid/deep/inner: changed: x\n" in said.out
    shutil.rmtree(deepest)
    said = run_cli("status", "--gitshelf", manifest)
    assert said.code == 1
    assert "b/vendor/mid/deep/inner: not installed\n" in said.out


def test_install_moves_submodules_with_their_book(
    nested: dict[str, Repo],
    write_manifest: Callable[[str], Path],
    run_cli: Callable[..., Any],
    shelf: Path,
) -> None:
    assert run_cli("install", "--gitshelf", write_manifest(manifest_of(nested["outer"]))).code == 0
    nested["mid"].commit({b"only": b"mid\n"})
    modules = gitmodules(vendor__mid="../mid.git")
    nested["outer"].commit({b".gitmodules": modules, b"vendor/mid": link_to(nested["mid"])})
    manifest = write_manifest(manifest_of(nested["outer"]))
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert "b/vendor/mid/deep/inner: removed\n" in said.out
    assert (shelf / "b/vendor/mid/only").exists()
    assert not (shelf / "b/vendor/mid/deep").exists()
    assert sh(shelf / "b", "status", "--porcelain") == ""


def test_book_leaves_with_its_submodules_unless_they_hold_something_of_their_user(
    nested: dict[str, Repo],
    write_manifest: Callable[[str], Path],
    run_cli: Callable[..., Any],
    shelf: Path,
) -> None:
    text = manifest_of(nested["outer"], "  path: vendor\n")
    assert run_cli("install", "--gitshelf", write_manifest(text)).code == 0
    inner = shelf / ".b.clone/vendor/mid/deep/inner"
    (inner / ".git" / "info" / "exclude").write_text("secret\n")
    (inner / "secret").write_text("mine\n")
    nothing = write_manifest("books: []\n")
    said = run_cli("install", "--gitshelf", nothing)
    assert said.code == 1
    assert "files that are not in git: secret" in said.err
    (inner / "secret").unlink()
    assert run_cli("install", "--gitshelf", nothing).code == 0
    assert list(shelf.iterdir()) == []
