"""A file system that is soon full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, which is soon full."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size},nodev,nosuid", "gitshelf-test"]
    done = subprocess.run(["mount", *options, folder], capture_output=True, timeout=30)
    if done.returncode:
        pytest.skip("a small tmpfs cannot be mounted here (it takes root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, timeout=30)
