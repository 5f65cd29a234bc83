"""An install onto a full disk says so, and goes on when there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from smalldisk import small_disk

Said = Any


@pytest.mark.parametrize("size", ["100k", "300k", "400k", "700k"])
def test_install_on_another_file_system_than_the_caches_and_a_full_one(
    three_books: Path,
    tmp_path: Path,
    run_cli: Callable[..., Said],
    monkeypatch: pytest.MonkeyPatch,
    size: str,
) -> None:
    """Where the disk is full git says so, unless it was writing a configuration."""
    with small_disk(tmp_path / "small", size) as disk:
        monkeypatch.chdir(disk)
        said = run_cli("install", "--gitshelf", three_books)
        assert said.code == 2, said.err
        assert "o space left on device" in said.err
        assert ": book b" in said.err
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True, timeout=30)
        assert run_cli("install", "--gitshelf", three_books).code == 0
        assert run_cli("status", "--gitshelf", three_books).code == 0
        monkeypatch.chdir(tmp_path)
