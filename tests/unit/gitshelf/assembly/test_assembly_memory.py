"""Big files in little memory; one of 5 GiB: GITSHELF_LARGE=5 pytest -s.

That takes about 16 GiB of disk under pytest's base folder (--basetemp) and some minutes. Seen for
5 GiB on two cores at a load of 22: build 446 s, verify 66 s, 62 MiB of memory at the peak.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.process import Running
from gitshelf.git.reader import ObjectReader
from gitshelf.resolution import WORKERS

_GIB = float(os.environ.get("GITSHELF_LARGE", "0.3"))
_SIZE = int(_GIB * 2**30)
_LIMIT_KIB = 200 << 10
_OWN_KIB = 50 << 10
"""What gitshelf itself takes besides git."""
_CODE = """\
import re, resource, sys, time
from pathlib import Path
import gitshelf
def usage():
    # Not RUSAGE_SELF: a program that is exec'd inherits its caller's peak there.
    own = re.search(r"VmHWM:[ \\t]*([0-9]+)", Path("/proc/self/status").read_text())[1]
    return int(own) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
begun = time.monotonic()
kit = gitshelf.build(sys.argv[1], sys.argv[2])
built = time.monotonic()
gitshelf.verify(kit.path)
print(usage(), round(built - begun, 1), round(time.monotonic() - built, 1))
"""


@pytest.mark.timeout(3600)
def test_file_bigger_than_the_memory_is_carried_and_proved_in_little_memory(
    make_repo: Callable[..., Any], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(_SIZE)
        file.seek(_SIZE // 2)
        file.write(b"something")
    options = ["core.bigFileThreshold=8m", "core.compression=1", "user.name=t", "user.email=t@h"]

    def git(*argv: str, said: str = "") -> str:
        settings = [word for option in options for word in ("-c", option)]
        return subprocess.run(
            ["git", *settings, *argv],
            cwd=repo.path,
            input=said,
            text=True,
            capture_output=True,
            check=True,
        ).stdout.strip()

    blob = git("hash-object", "-w", "--no-filters", str(sparse))
    sparse.unlink()
    commit = git("commit-tree", "-m", "big", git("mktree", said=f"100644 blob {blob}\tbig\n"))
    repo.git("update-ref", "refs/heads/master", commit)
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}', branch: {commit}}}\n")
    done = subprocess.run(
        [sys.executable, "-c", _CODE, manifest, tmp_path / "kit.tar"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    peak, build, verify = done.stdout.split()
    print(f"{_GIB} GiB: build {build} s, verify {verify} s, peak {int(peak) >> 10} MiB")
    assert int(peak) < _LIMIT_KIB
    with tarfile.open(tmp_path / "kit.tar") as archive:
        assert archive.getmember("b/big").size == _SIZE


def test_git_streams_a_big_file_in_so_little_memory_that_all_workers_may_at_once(
    make_repo: Callable[..., Any],
) -> None:
    repo = make_repo()
    repo.commit({b"big": os.urandom(24 << 20)})
    repo.git("repack", "-a", "-d", "-q")
    blob = repo.git("rev-parse", "master:big")
    with ObjectReader(repo.path, Running(), 60) as reader:
        for _, size in reader.headers([blob]):
            assert sum(map(len, reader.pieces(size))) == 24 << 20
        status = Path(f"/proc/{reader._process.pid}/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    assert peak * WORKERS < _LIMIT_KIB - _OWN_KIB
