"""One `gitshelf build` by the command line, which fails with one error or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def build(run_cli: Callable[..., Any], manifest: Path, *more: str) -> Any:
    """Build the kit of `manifest`, with `more` words; returns what was said.

    A build that fails leaves no kit, and says one error with one remedy.
    """
    output = manifest.parent / "out" / "kit.tar"
    result = run_cli("build", "--gitshelf", manifest, "--output", output, *more)
    if result.code:
        assert not output.exists()
        assert result.err.count("error: ") == 1
        assert result.err.count("remedy: ") == 1
    return result
