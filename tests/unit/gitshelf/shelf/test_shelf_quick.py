"""status judges a clone exactly as `git status` does, also where it does not ask git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clonesituations import SITUATIONS, rest
from gitshelf.git import worktree
from gitshelf.git.worktree import Facts
from gitshelf.shelf import many, quick

Repo = Any
NOTHING: frozenset[str] = frozenset()


@pytest.fixture
def clone(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    run_cli: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """An installed book with a bit of everything, which no one has touched for a while."""
    repo = make_repo()
    repo.commit(
        {
            b"README": b"one\n",
            b"bin/run": ("100755", b"#!/bin/sh\n"),
            b"bin/deep/er/file": b"x\n",
            b"dos.txt": b"a\r\nb\r\n",
            b"unix.txt": b"a\nb\n",
            b"link": ("120000", b"README"),
            b".gitignore": b"*.log\nbuild/\n",
            b".gitattributes": b"dos.txt -text\nunix.txt text eol=lf\n",
            b"odd \xc3\xa9 name": b"",
        }
    )
    (tmp_path / "shelf").mkdir()
    monkeypatch.chdir(tmp_path / "shelf")
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    path = tmp_path / "shelf" / "b"
    rest(path)
    return path


def said_by_git(path: Path) -> Facts:
    """What `git status` says, with no more options than it takes to read it."""
    options = ["--porcelain=v2", "-z", "--branch", "--no-renames", "--untracked-files=normal"]
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    out = subprocess.run(["git", "status", *options], cwd=path, env=env, capture_output=True)
    assert out.returncode == 0
    return worktree.parse_status(out.stdout)


@pytest.mark.parametrize("happens", SITUATIONS, ids=lambda one: one.__name__)
def test_clone_is_judged_as_git_status_judges_it(
    clone: Path, happens: Callable[[Path], None]
) -> None:
    happens(clone)
    (seen,) = many.facts_of_many([(clone, NOTHING)])
    assert seen == said_by_git(clone)


def test_untouched_clone_needs_no_git(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = said_by_git(clone)
    monkeypatch.setenv("PATH", "/nowhere")
    assert many.facts_of_many([(clone, NOTHING)]) == [expected]


def test_books_within_a_book_are_not_counted(clone: Path) -> None:
    inner = clone / "bin" / "inner"
    for path in (inner, inner / "most"):
        path.mkdir()
        (path / "file").write_text("x")
    inside = frozenset({"bin/inner", "bin/inner/most", "bin/absent"})
    assert quick.facts_if_clean(clone, inside) is not None
    (clone / "bin" / "new").write_text("x")
    assert quick.facts_if_clean(clone, inside) is None
