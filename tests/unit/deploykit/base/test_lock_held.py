"""The lock of a file: one holder at a time, none after a kill."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.parallel import in_parallel

HOLDER = """
import sys, time
from pathlib import Path
from deploykit.base.filelock import locked
with locked(Path(sys.argv[1]), 5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_lock_of_another_process_is_told_after_the_timeout_and_a_kill_frees_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "folder" / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        began = time.monotonic()
        told = f"another process has held {file} for 1 s"
        with pytest.raises(DeployKitError, match=told), locked(file, 1):
            pass
        assert 0.9 < time.monotonic() - began < 10
        child.send_signal(signal.SIGKILL)
        child.wait()
        with locked(file, 5):
            pass
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    inside: list[int] = []

    def work(n: int) -> None:
        with locked(tmp_path / "lock", 30):
            assert not inside
            inside.append(n)
            time.sleep(0.005)
            inside.remove(n)

    in_parallel(range(12), work)


def test_what_the_block_raises_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path / "lock", 1):
        raise KeyError
    with locked(tmp_path / "lock", 1):
        pass
