"""Files of other tools, imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.manifest import Manifest, parse
from gitshelf.resolution import Options

from gitshelf import importers

Books = list[tuple[str, str, str]]


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Writes files by name into a folder, and gives the first one."""

    def write(files: dict[str, str], folder: Path = tmp_path) -> Path:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder / next(iter(files))

    return write


@pytest.fixture
def text_of(tmp_path: Path) -> Callable[..., str]:
    """Imports a file and gives the text that came out; repositories of this machine are asked."""

    def run(kind: str, file: Path, *, partial: bool = False, base: str = "") -> str:
        options = Options(cache=tmp_path / "cache", offline=True)
        return importers.translate(kind, file, base=base, partial=partial, options=options)

    return run


@pytest.fixture
def manifest_of(text_of: Callable[..., str]) -> Callable[..., Manifest]:
    """Imports a file and reads the manifest that came out."""

    def run(kind: str, file: Path, **more: Any) -> Manifest:
        return parse(text_of(kind, file, **more).encode(), file.with_name("gitshelf.yml"))

    return run


@pytest.fixture
def lost(text_of: Callable[..., str]) -> Callable[..., list[str]]:
    """Imports what it can of a file, and gives what is listed as not imported and as left out."""

    def run(kind: str, file: Path, **more: Any) -> list[str]:
        text = text_of(kind, file, partial=True, **more)
        return [
            line.replace(f"{file.parent}/", "")
            for line in text.splitlines()
            if line.startswith(("# Not imported: ", "# Left out: "))
        ]

    return run


def books(found: Manifest) -> Books:
    """Place, URL and revision of each book."""
    return [(one.place, one.url, one.branch) for one in found.books]
