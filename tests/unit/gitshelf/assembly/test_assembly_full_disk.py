"""A build onto a full disk says so, and leaves no half kit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from smalldisk import small_disk

import gitshelf

Said = Any


@pytest.mark.parametrize("size", ["64k", "700k", "2m"])
@pytest.mark.parametrize("full", ["cache", "output"])
def test_full_disk_is_one_clear_error_and_leaves_no_half_kit(
    three_books: Path,
    tmp_path: Path,
    run_cli: Callable[..., Said],
    monkeypatch: pytest.MonkeyPatch,
    full: str,
    size: str,
) -> None:
    with small_disk(tmp_path / "small", size) as disk:
        output = (disk if full == "output" else tmp_path) / "out" / "kit.tar"
        if full == "cache":
            monkeypatch.setenv("XDG_CACHE_HOME", str(disk))
        said = run_cli("build", "--gitshelf", three_books, "--output", output)
        if said.code == 0:
            assert size == "2m"
            assert full == "output"
            assert gitshelf.verify(output)
            return
        assert said.code == 2, said.err
        assert "o space left on device" in said.err
        first, *others, last = said.err.splitlines()
        assert first.startswith("error: ")
        assert last.startswith("remedy: ")
        # Books are fetched side by side: each that met the full disk has a line of its own.
        assert all("o space left on device" in line for line in others), said.err
        assert all(line.startswith("  ") for line in others), said.err
        left = list(output.parent.iterdir()) if output.parent.exists() else []
        assert left == []
        # With more room the same call succeeds.
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True, timeout=30)
        assert run_cli("build", "--gitshelf", three_books, "--output", output).code == 0
        assert gitshelf.verify(output)
