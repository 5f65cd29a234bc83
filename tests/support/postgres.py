"""A PostgreSQL of Debian's for tests: its own folder, a socket, no network, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = "nobody"  # PostgreSQL does not run as root
QUICK = "-c fsync=off -c full_page_writes=off -c max_connections=60 -c shared_buffers=16MB"


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, None where it is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


@contextmanager
def running() -> Iterator[str]:
    """The URL of a database of a server that runs until the block ends."""
    found = programs()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has 107 characters
    try:
        as_user = _as_user(folder)
        data = str(folder / "data")
        _call(as_user, found / "initdb", "-D", data, "-A", "trust", "-U", "pools", "-E", "UTF8")
        options = f"-k {folder} -c listen_addresses= {QUICK}"
        _call(as_user, found / "pg_ctl", "-D", data, "-o", options, "-w", "-l",
              str(folder / "log"), "start")  # fmt: skip
        try:
            yield f"postgresql://pools@/postgres?host={folder}"
        finally:
            _call(as_user, found / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_user(folder: Path) -> list[str]:
    """What runs a program as a user that PostgreSQL accepts, who has `folder`."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam(NOBODY)
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _call(before: list[str], program: Path, *words: str) -> None:
    done = subprocess.run([*before, str(program), *words], capture_output=True, text=True,
                          timeout=300, check=False, cwd="/",
                          stdin=subprocess.DEVNULL)  # fmt: skip
    assert done.returncode == 0, (program, done.stdout, done.stderr)
