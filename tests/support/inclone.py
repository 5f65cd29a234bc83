"""git in a clone of the tests, with a user of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path


def sh(path: Path, *argv: str) -> str:
    """Run git in a clone and give what it printed."""
    who = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *who, *argv], cwd=path, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()
