"""Whoever is not root: all but nodes of LXD or Vagrant works, the sandbox included."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NOBODY = 65534
PROGRAMS = Path(sys.executable).parent
CONFINED = """\
from deploykit.base.sandbox import Sandbox, run_confined
done = run_confined(Sandbox(), ["sh", "-c", "id -u; ls -A /home/kit"], timeout=20, env={})
print(done.returncode, done.stdout, done.stderr)
"""
pytestmark = [pytest.mark.lengthy, pytest.mark.timeout(600)]
Ask = Callable[..., str]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Runs a command as an ordinary user in a HOME of its own; returns what it printed."""
    home = Path(tempfile.mkdtemp(prefix="ordinary-"))
    other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if os.geteuid() != 0:
        other = []
    else:
        os.chown(home, NOBODY, NOBODY)
        probe = subprocess.run([*other, sys.executable, "-c", "import deploykit"], timeout=60)
        if probe.returncode != 0:
            pytest.skip(f"{PROGRAMS} is not for others to read: run it in a checkout that is")
    environment = {
        "HOME": str(home),
        "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
    }

    def call(*words: str, status: int = 0) -> str:
        done = subprocess.run(
            [*other, *words],
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        said = done.stdout + done.stderr
        assert done.returncode == status, (words, said)
        return said

    try:
        yield call
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_ordinary_user_builds_cuts_verifies_and_reads_the_ledger(ask: Ask) -> None:
    ask("git", "config", "--global", "user.name", "Kim")
    ask("git", "config", "--global", "user.email", "kim@example.org")
    ask("git", "init", "-q", "-b", "main", "src")
    ask("sh", "-c", "cd src && echo a >a && git add a && git commit -qm one")
    manifest = "books: [{book: app, git: %s, branch: main}]"
    ask("sh", "-c", f'printf "{manifest}" "$PWD/src" >gitshelf.yml')
    ask("gitshelf", "build", "--output", "kit.tar")
    assert "kit.tar: good" in ask("gitshelf", "verify", "kit.tar")
    ask("deploy-kit", "init", "site")
    ask("cp", "gitshelf.yml", "site/gitshelf.yml")
    site = ("deploy-kit", "--site", "site")
    ask(*site, "status")
    ask(*site, "release", "cut", "--no-commit")
    assert "is proven" in ask(*site, "release", "verify", "latest")
    assert "records verified" in ask(*site, "ledger", "verify")


def test_sandbox_of_an_ordinary_user_starts(ask: Ask) -> None:
    said = ask(sys.executable, "-c", CONFINED).split()
    assert said == ["0", str(NOBODY if os.geteuid() == 0 else os.geteuid())]


def test_doctor_names_what_an_ordinary_user_cannot_do(ask: Ask) -> None:
    if os.geteuid() != 0:
        pytest.skip(
            "this user may have sudo or be in the group lxd: only root knows one who is not"
        )
    said = " ".join(ask("deploy-kit", "doctor", status=1).split())  # whatever lines it makes
    assert "no nodes of LXD or Vagrant" in said
