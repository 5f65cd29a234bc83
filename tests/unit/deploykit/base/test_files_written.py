"""A file is the old one or the new one, whoever is killed or fails meanwhile."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from deploykit.base import files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Writes NEW over and over until it is killed; every step that a kill may hit is in there.
WRITER = """
import sys
from pathlib import Path
from deploykit.base import files
target = Path(sys.argv[1])
print("writing", flush=True)
while True:
    files.write(target, "new" * 100_000)
    files.write(target, "old" * 100_000)
"""


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.07])
def test_killed_writer_leaves_a_whole_file(tmp_path: Path, delay: float) -> None:
    target = tmp_path / "file"
    files.write(target, "old" * 100_000)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
    assert target.read_text() in ("old" * 100_000, "new" * 100_000)
    files.write(target, "after")
    assert target.read_text() == "after"


def test_writer_killed_before_the_rename_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    pid = os.fork()
    if pid == 0:
        with files.replacing(target) as aside:
            aside.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert target.read_text() == "old"


@given(old=st.binary(), new=st.binary())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_block_that_fails_changes_nothing_and_leaves_nothing(
    tmp_path: Path, old: bytes, new: bytes
) -> None:
    target = tmp_path / "file"
    files.write(target, old)
    with pytest.raises(RuntimeError), files.replacing(target) as aside:
        aside.write_bytes(new)
        raise RuntimeError
    assert target.read_bytes() == old
    assert list(tmp_path.iterdir()) == [target]


def test_mode_is_that_asked_for_whatever_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("open to all")
    files.write(target, "secret", mode=0o600, sync=True)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_threads_that_write_the_same_file_leave_one_of_theirs(tmp_path: Path) -> None:
    target = tmp_path / "file"
    texts = [str(n) * 50_000 for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: files.write(target, text), texts))
    assert target.read_text() in texts
    assert list(tmp_path.iterdir()) == [target]


def test_link_is_replaced_in_one_step(tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to("one")
    with files.replacing(link) as aside:
        aside.symlink_to("two")
    assert str(link.readlink()) == "two"
