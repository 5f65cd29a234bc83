"""Packages of npm as a lock file has them: a folder with package.json and package-lock.json."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from deploykit.base.filelock import locked
from deploykit.base.homes import cache_home

SECONDS = 1200.0  # for a slow network, and for who waits for another one's download


def npm_packages(lock: Path) -> Path:
    """The folder node_modules with what the folder `lock` asks for, from the cache or by npm.

    npm holds each package to the lock's checksum, and runs no script of any. Skips the test where
    there is no npm.
    """
    if shutil.which("npm") is None:
        pytest.skip("there is no npm: deploy-kit/setup --tests installs it")
    key = hashlib.sha256((lock / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = cache_home() / "tests" / f"{lock.name}-{key}"
    with locked(folder.with_suffix(".lock"), SECONDS):
        if not folder.is_dir():
            aside = folder.with_suffix(".new")
            shutil.rmtree(aside, ignore_errors=True)
            shutil.copytree(lock, aside)
            argv = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(argv, cwd=aside, check=True, timeout=SECONDS)
            aside.rename(folder)
    return folder / "node_modules"
