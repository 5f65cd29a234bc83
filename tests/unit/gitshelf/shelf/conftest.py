"""A shelf to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Repo = Any
Cli = Callable[..., Any]
Manifest = Callable[[str], Path]


@pytest.fixture
def installed(repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path) -> Path:
    """The manifest of three books and a link that are installed."""
    books = "".join(f"- {{book: {name}, git: '{repo.url}'}}\n" for name in "abc")
    manifest = write_manifest("books:\n" + books + "- {book: l, link: a}\n")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    return manifest
