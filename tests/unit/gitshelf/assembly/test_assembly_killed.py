"""A build that is killed at any moment is finished by the next one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gitshelf

KILLS = 50


def started(manifest: Path, output: Path) -> subprocess.Popen[bytes]:
    """A build in a process group of its own."""
    argv = [sys.executable, "-m", "gitshelf", "build", "--gitshelf", manifest, "--output", output]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(argv, stdout=quiet, stderr=quiet, start_new_session=True)


def fsck(cache: Path) -> int:
    """How many stores there are in the cache; every object of them is whole."""
    stores = list((cache / "gitshelf" / "v1" / "stores").iterdir())
    for store in stores:
        argv = ["git", "fsck", "--full", "--strict", "--no-dangling"]
        done = subprocess.run(argv, cwd=store, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        # Half-made packs and locks of the killed are gone too.
        assert not [*store.glob("objects/pack/tmp_*"), *store.glob("**/*.lock")]
    return len(stores)


@pytest.mark.lengthy
@pytest.mark.timeout(600)
def test_build_killed_with_its_children_at_any_moment_is_finished_by_the_next(
    three_books: Path, tmp_path: Path
) -> None:
    undisturbed = gitshelf.build(three_books, tmp_path / "undisturbed.tar").path.read_bytes()
    cache, output = tmp_path / "cache", tmp_path / "out" / "kit.tar"
    shutil.rmtree(cache)
    begun = time.monotonic()
    assert started(three_books, output).wait(60) == 0
    # What a build takes with nothing there and with what the one before left, as far as is known.
    expected = dict.fromkeys((True, False), time.monotonic() - begun)
    chance = random.Random(11)
    killed = 0
    for moment in range(KILLS):
        if anew := moment % 3 < 2:
            shutil.rmtree(cache, ignore_errors=True)
            shutil.rmtree(output.parent, ignore_errors=True)
        run = started(three_books, output)
        # What comes before the first fetch is of little interest.
        time.sleep(chance.uniform(0.2, 1.0) * expected[anew])
        if moment % 5 == 4:
            # Its children live on for a while, with its locks.
            run.kill()
        else:
            os.killpg(run.pid, signal.SIGKILL)
        if run.wait(60) == -signal.SIGKILL:
            killed += 1
        else:  # it was over before: the machine is less busy than it was
            expected[anew] *= 0.8
        if output.exists():
            assert output.read_bytes() == undisturbed
        kit = gitshelf.build(three_books, output)
        assert kit.path.read_bytes() == undisturbed
        names = sorted(path.name for path in output.parent.iterdir())
        assert names == ["SHA256SUMS", "kit.tar", "kit.tar.provenance.json"]
        if moment % 10 == 0:
            assert fsck(cache) == 3
    assert fsck(cache) == 3
    assert killed >= KILLS // 2
