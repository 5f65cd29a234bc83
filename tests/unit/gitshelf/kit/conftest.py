"""A kit to do things to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gitshelf

Repo = Any


@pytest.fixture
def kit(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> Path:
    """A small kit alone in a folder: a book with a file, a program, a link, and one left out."""
    repo = make_repo()
    repo.commit(
        {
            b"d/a": b"text\n",
            b"d/run": ("100755", b"#!\n"),
            b"d/l": ("120000", b"a"),
            b"d/sub": ("160000", b"2" * 40),
            b"x" * 120: b"",
        }
    )
    manifest = write_manifest(
        f"books:\n- {{book: b, git: '{repo.url}', path: d, submodules: omit}}\n"
        f"- {{book: c, git: '{repo.url}', submodules: omit}}\n- {{book: l, link: b/a}}\n"
    )
    built = gitshelf.build(manifest, tmp_path / "built" / "kit.tar")
    alone = tmp_path / "alone" / "kit.tar"
    alone.parent.mkdir()
    built.path.rename(alone)
    return alone
