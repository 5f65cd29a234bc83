"""An install that was killed is finished by the next one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from inclone import sh
from shelves import names, one_book

Repo = Any
Cli = Callable[..., Any]
Manifest = Callable[[str], Path]


def many_files(step: int) -> dict[bytes, Any]:
    changed = {b"d%d/f%d" % (n % 20, n): b"%d %d\n" % (n, step) * 50 for n in range(400)}
    return {**changed, b"only%d/x" % step: b"x"}


def test_killed_installs_are_finished_by_the_next_one(
    make_repo: Callable[..., Repo], write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    """`kill -9` of gitshelf and its git at random moments, while cloning and while moving."""
    repo = make_repo()
    commits = [repo.commit(many_files(step)) for step in range(2)]
    chance = random.Random(4)
    command = [sys.executable, "-m", "gitshelf", "install", "--gitshelf"]
    killed = 0
    for turn in range(10):
        manifest = write_manifest(one_book(repo, commits[turn % 2]))
        process = subprocess.Popen(
            [*command, manifest], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=shelf
        )
        time.sleep(chance.uniform(0.05, 0.3))
        if process.poll() is None:
            killed += 1
            children = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True
            ).stdout.split()
            process.kill()
            for child in children if turn % 3 else []:
                with suppress(ProcessLookupError):
                    os.killpg(int(child), signal.SIGKILL)
        process.wait(timeout=30)
        if turn == 4:
            shutil.rmtree(shelf / "a", ignore_errors=True)
    assert killed
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert run_cli("status", "--gitshelf", manifest).code == 0
    assert names(shelf) == ["a"]


@pytest.fixture
def half_way(
    make_repo: Callable[..., Repo], write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> Repo:
    """What a git killed in the middle of a checkout leaves: some new files, one half, a lock."""
    repo = make_repo()
    old, new = (repo.commit(many_files(step)) for step in range(2))
    repo.commit({b"other": b"x"})
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo, old))).code == 0
    clone = shelf / "a"
    (clone / ".git" / "gitshelf-moving").write_text(f"{old} {new}\n")
    (clone / ".git" / "index.lock").write_text("")
    (clone / "only1").mkdir()
    (clone / "only1" / "x").write_text("x")
    (clone / "d0" / "f0").write_text("0 1\n")
    (clone / "d1" / "f1").unlink()
    return repo


@pytest.mark.parametrize("goal", [0, 1, 2])
def test_move_that_was_killed_half_way_is_finished(
    half_way: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path, goal: int
) -> None:
    manifest = write_manifest(one_book(half_way, half_way.commits[goal]))
    assert "run it again" in run_cli("status", "--gitshelf", manifest).out
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert run_cli("status", "--gitshelf", manifest).code == 0
    assert not (shelf / "a" / ".git" / "gitshelf-moving").exists()


def test_change_made_after_a_killed_move_is_kept(
    half_way: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(half_way, half_way.commits[1]))
    clone = shelf / "a"
    (clone / ".git" / "index.lock").unlink()
    (clone / "mine").write_text("mine\n")
    sh(clone, "add", "mine")
    assert run_cli("install", "--gitshelf", manifest).code == 1
    sh(clone, "commit", "-qam", "mine")
    assert run_cli("install", "--gitshelf", manifest).code == 1
    assert sh(clone, "show", "HEAD:mine") == "mine"
    assert (clone / "mine").exists()
