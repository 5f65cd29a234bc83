"""Zuul in a Python environment of its own, by the lock beside `zuul/pyproject.toml`."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from deploykit.base.filelock import locked
from deploykit.base.homes import cache_home

PROJECT = Path(__file__).with_name("zuul")
UV = Path(__file__).parents[2] / ".tools" / "bin" / "uv"
SECONDS = 900.0  # for a slow network, and for who waits for another one's download


def python() -> Path:
    """The Python that has the locked Zuul, from the cache or made now.

    Raises RuntimeError where uv is missing or fails.
    """
    key = hashlib.sha256((PROJECT / "uv.lock").read_bytes()).hexdigest()[:16]
    folder = cache_home() / "tests" / f"zuul-{key}"
    done = folder / "complete"
    with locked(folder.with_suffix(".lock"), SECONDS):
        if not done.exists():
            _install(folder)
            done.touch()
    return folder / "bin" / "python"


def _install(folder: Path) -> None:
    if not UV.exists():
        raise RuntimeError("uv is missing: deploy-kit/setup --tests")
    env = {
        **os.environ,
        "UV_PROJECT_ENVIRONMENT": str(folder),
        "UV_PYTHON": "/usr/bin/python3",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_SYSTEM_CERTS": "1",
        "UV_NATIVE_TLS": "1",
    }
    argv = [UV, "sync", "--frozen", "--project", PROJECT]
    made = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=SECONDS)
    if made.returncode != 0:
        raise RuntimeError(f"uv cannot install Zuul:\n{made.stderr[-2000:]}")


def loaded(*folders: Path) -> list[dict[str, Any]]:
    """What Zuul makes of the configuration in each of `folders`: `zuul/load.py` says its keys.

    All by one process: what takes its time (12 s of CPU) is that Zuul begins. Raises RuntimeError
    where it cannot.
    """
    argv = [python(), PROJECT / "load.py", *folders]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS)
    if result.returncode != 0:
        raise RuntimeError(f"Zuul cannot load {folders}:\n{result.stderr[-2000:]}")
    documents: list[dict[str, Any]] = json.loads(result.stdout)
    return documents
