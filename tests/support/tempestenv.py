"""Debian's tempest beside this machine: its packages and their needs, unpacked, not installed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.filelock import locked
from deploykit.base.homes import cache_home

PACKAGES = ("tempest", "python3-junitxml")
PYTHON = "/usr/bin/python3"
MODULES = "usr/lib/python3/dist-packages"
FORMAT = 1  # of what is unpacked here; part of its name in the cache
SECONDS = 900.0  # for a slow mirror, and for who waits for another one's download
# A package that apt-get would install, as it tells it when it only tries.
WANTED = re.compile(r"^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)", re.M)


@dataclass(frozen=True, slots=True)
class Tempest:
    """Where it is unpacked."""

    root: Path

    def env(self, *more: Path, **variables: str) -> dict[str, str]:
        """Variables by which Debian's Python has it; modules of the folders `more` come first."""
        modules = [*map(str, more), str(self.root / MODULES)]
        path = f"{self.root / 'usr/bin'}:{os.environ['PATH']}"
        return {**os.environ, "PYTHONPATH": ":".join(modules), "PATH": path, **variables}

    def script(self, name: str) -> list[str]:
        """How one of its programs is called."""
        return [PYTHON, str(self.root / "usr/bin" / name)]


def tempest() -> Tempest:
    """tempest as Debian has it now, from the cache or unpacked now.

    Raises RuntimeError where apt has none, or fails.
    """
    wanted = wanted_of(_run(["apt-get", "install", "-s", "--no-install-recommends", *PACKAGES]))
    key = hashlib.sha256("\n".join([str(FORMAT), *wanted]).encode()).hexdigest()[:16]
    root = cache_home() / "tests" / f"tempest-{key}"
    root.parent.mkdir(parents=True, exist_ok=True)
    with locked(root.with_suffix(".lock"), SECONDS):
        if not root.is_dir():
            _unpack(wanted, root)
    return Tempest(root)


def wanted_of(said: str) -> list[str]:
    """PACKAGE=VERSION of all that the machine lacks, of what apt-get says when it only tries."""
    return sorted(f"{name}={version}" for name, version in WANTED.findall(said))


def _unpack(wanted: list[str], root: Path) -> None:
    aside, archives = root.with_suffix(".unpacking"), root.with_suffix(".archives")
    for folder in (aside, archives):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    (aside / MODULES).mkdir(parents=True)
    if wanted:
        _run(["apt-get", "download", *wanted], archives)
    for file in sorted(archives.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(file), str(aside)])
    shutil.rmtree(archives)
    aside.rename(root)


def _run(argv: list[str], cwd: Path | None = None) -> str:
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"{' '.join(argv[:4])} ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    return done.stdout
