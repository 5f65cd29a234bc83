"""One `git cat-file` is asked for many objects; it may go away at any moment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from gitshelf.base import process
from gitshelf.base.process import Running, Stopped
from gitshelf.git.reader import Missing, ObjectReader


def test_reader_whose_git_was_stopped_while_it_asked_says_stopped_and_no_broken_pipe(
    tmp_path: Path,
) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path], check=True, timeout=30)
    running = Running()
    reader = ObjectReader(tmp_path, running, timeout=30)
    with pytest.raises(Stopped), reader:
        # Another book failed: its thread stops them all.
        running.stop()
        reader._process.wait(30)
        next(reader.headers(["0" * 40]))


def test_reader_whose_git_died_names_the_store_to_delete(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path], check=True, timeout=30)
    reader = ObjectReader(tmp_path, Running(), timeout=30)
    with pytest.raises(Missing) as raised, reader:
        process.end(reader._process)
        reader._process.wait(30)
        next(reader.headers(["0" * 40]))
    assert str(tmp_path) in str(raised.value)
