"""LFS objects in a kit: fetched by the real git-lfs, in the place of their pointers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lfsbooks import BIG, SMALL, manifest_of, stored

import gitshelf

Repo = Any

if shutil.which("git-lfs") is None and os.environ.get("CI") != "true":
    pytest.skip("git-lfs is not installed", allow_module_level=True)


def test_objects_are_carried_in_the_place_of_their_pointers_and_proved(
    big: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    kit = gitshelf.build(write_manifest(manifest_of(big)), tmp_path / "kit.tar")
    (book,) = kit.lock.books
    assert [path for path, _ in book.lfs] == [b"a.bin", b"d/b.bin", b"d/same.bin"]
    assert book.size == len(SMALL) + 2 * len(BIG) + 1 + len(
        b"*.bin filter=lfs diff=lfs merge=lfs -text\n"
    )
    shutil.rmtree(big.path)
    assert gitshelf.verify(kit.path).lock == kit.lock
    gitshelf.extract(kit.path, tmp_path / "out")
    assert (tmp_path / "out/b/a.bin").read_bytes() == SMALL
    assert (tmp_path / "out/b/d/same.bin").read_bytes() == BIG
    assert (tmp_path / "out/b/d/b.bin").read_bytes() == BIG
    assert (tmp_path / "out/b/d/b.bin").stat().st_mode & 0o777 == 0o755
    shutil.rmtree(tmp_path / "cache" / "gitshelf" / "v1" / "chunks")
    offline = gitshelf.Options(offline=True)
    again = gitshelf.build(write_manifest(manifest_of(big)), tmp_path / "2.tar", options=offline)
    assert again.digest == kit.digest


def test_objects_pushed_by_git_lfs_itself(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    work = tmp_path / "work"

    def run(*argv: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(
            ["git", *who, *argv], cwd=work if work.exists() else tmp_path, capture_output=True
        )
        assert done.returncode == 0, done.stderr

    run("clone", "-q", str(repo.path), str(work))
    run("lfs", "install", "--local")
    run("lfs", "track", "*.bin")
    (work / "x.bin").write_bytes(BIG)
    run("add", ".")
    run("commit", "-qm", "x")
    run("push", "-q", "origin", "HEAD:master")
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}', lfs: include}}\n")
    kit = gitshelf.build(manifest, tmp_path / "kit.tar.zst")
    gitshelf.extract(kit.path, tmp_path / "out")
    assert (tmp_path / "out/b/x.bin").read_bytes() == BIG


def test_object_is_not_held_in_memory(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    size = 160 << 20
    content = bytes(size)
    repo.commit({b"a.bin": stored(repo, content)})
    del content
    manifest = write_manifest(manifest_of(repo))
    # Not RUSAGE_SELF: a program that is exec'd inherits its caller's peak there.
    code = (
        "import re, resource, sys, gitshelf\n"
        "from pathlib import Path\n"
        "kit = gitshelf.build(sys.argv[1], sys.argv[2])\n"
        "gitshelf.verify(kit.path)\n"
        "own = re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1]\n"
        "print(int(own) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, manifest, tmp_path / "kit.tar"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 140 << 10, "KiB of gitshelf and of its biggest child"
