"""A folder that a kit was unpacked into is proved again before it is used."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError, Refused

import gitshelf

Cli = Callable[..., Any]


@pytest.fixture
def folder(kit: Path, tmp_path: Path) -> Path:
    target = tmp_path / "kits" / "one"
    gitshelf.extract(kit, target)
    return target


def test_folder_as_it_was_unpacked_is_good_by_kit_lock_digest_or_itself(
    kit: Path, folder: Path, run_cli: Cli
) -> None:
    verified = gitshelf.verify(kit)
    proofs: list[dict[str, Any]] = [
        {},
        {"proof": kit},
        {"proof": verified},
        {"proof": verified.lock},
        {"digest": verified.digest},
    ]
    for proof in proofs:
        done = gitshelf.verify_folder(folder, **proof)
        assert (done.digest, done.size, done.lock) == (
            verified.digest,
            verified.size,
            verified.lock,
        )
    # What was copied without its times is still the same.
    os.utime(folder / "b" / "a", (1, 1))
    assert gitshelf.verify_folder(folder, verified.lock).digest == verified.digest
    said = run_cli("verify", folder, "--digest", verified.digest)
    assert (said.code, f"digest {verified.digest}" in said.out) == (0, True)
    assert run_cli("verify", folder, "--digest", "0" * 64).code == 1
    assert run_cli("verify", folder, "--signers", kit).code == 2


def _write(folder: Path) -> None:
    (folder / "b" / "a").write_bytes(b"TEXT\n")


def _keep_time(folder: Path) -> None:
    _write(folder)
    os.utime(folder / "b" / "a", (1_700_000_001, 1_700_000_001))


def _link_to_a_copy(folder: Path) -> None:
    (folder / "b" / "a").rename(folder.parent / "copy")
    (folder / "b" / "a").symlink_to(folder.parent / "copy")


CHANGES: list[tuple[Callable[[Path], object], str]] = [
    (_write, "b/a"),
    (_keep_time, "b/a"),
    (_link_to_a_copy, "b/a"),
    (lambda f: (f / "b" / "new").write_bytes(b""), "b/new"),
    (lambda f: (f / "new").mkdir(), "new"),
    (lambda f: (f / "KIT" / "more").write_bytes(b"x"), "KIT/more"),
    (lambda f: (f / "b" / "__pycache__").mkdir(), "b/__pycache__"),
    (lambda f: (f / "b" / "a").unlink(), "b/a"),
    (lambda f: (f / "b" / "a").chmod(0o755), "b/a"),
    (lambda f: (f / "b" / "a").chmod(0o600), "b/a"),
    (lambda f: (f / "b" / "run").chmod(0o4755), "b/run"),
    (lambda f: (f / "b").chmod(0o777), "b"),
    (lambda f: ((f / "b" / "l").unlink(), (f / "b" / "l").symlink_to("run")), "b/l"),
    (lambda f: ((f / "l").unlink(), (f / "l").symlink_to("b/run")), "l"),
    (lambda f: (f / "KIT" / "manifest.yml").write_bytes(b"books: []\n"), "KIT/manifest.yml"),
    (lambda f: os.mkfifo(f / "b" / "pipe"), "b/pipe"),
    (lambda f: ((f / "b" / "a").unlink(), os.mkfifo(f / "b" / "a")), "b/a"),
]


@pytest.mark.parametrize(("change", "named"), CHANGES)
def test_folder_that_was_changed_is_refused_whatever_proves_it(
    change: Callable[[Path], object], named: str, kit: Path, folder: Path
) -> None:
    verified = gitshelf.verify(kit)
    change(folder)
    for proof in ({}, {"proof": verified.lock}, {"digest": verified.digest}):
        with pytest.raises(Refused, match=str(folder)):
            gitshelf.verify_folder(folder, **proof)  # type: ignore[arg-type]
    with pytest.raises(Refused, match=rf" {named}\b") as caught:
        gitshelf.verify_folder(folder, kit)
    assert str(folder) in caught.value.message
    with pytest.raises(Refused, match=str(folder)):
        gitshelf.extract(kit, folder)


def test_file_with_another_time_is_named_where_only_the_lock_is_known(
    kit: Path, folder: Path
) -> None:
    _write(folder)
    with pytest.raises(Refused, match=r"book b .*changed since it was unpacked: b/a"):
        gitshelf.verify_folder(folder, gitshelf.verify(kit).lock)


def test_another_release_is_not_this_one_though_it_is_whole(
    kit: Path, folder: Path, repo: Any, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    other = gitshelf.build(
        write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n"), tmp_path / "other.tar"
    )
    for proof in ({"proof": other.lock}, {"digest": other.digest}, {"proof": other.path}):
        with pytest.raises(Refused):
            gitshelf.verify_folder(folder, **proof)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="this is release"):
        gitshelf.verify_folder(folder, gitshelf.verify(kit), digest=other.digest)


def test_folder_that_is_no_kit_or_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no KIT/lock\.json"):
        gitshelf.verify_folder(tmp_path)
    with pytest.raises(GitshelfError, match="No such file"):
        gitshelf.verify_folder(tmp_path / "missing")


def test_verifier_zip_proves_a_folder_with_the_standard_library_alone(
    kit: Path, folder: Path, tmp_path: Path
) -> None:
    program = tmp_path / "verifier.zip"
    program.write_bytes(gitshelf.verifier_zip())
    argv = [sys.executable, "-I", "-S", program, "verify", folder]
    argv += ["--digest", gitshelf.verify(kit).digest]
    for code in (0, 1):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False)
        _write(folder)


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_big_files_and_any_names_are_proved_as_small_ones(
    size: int,
    make_repo: Callable[..., Any],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    repo = make_repo()
    repo.commit({b"\xff\n/big": b"x" * size, b"a" * 120 + b"/b": b"1", b"z": b"\n" * size})
    kit = gitshelf.build(
        write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n"), tmp_path / "kit.tar"
    )
    gitshelf.extract(kit.path, tmp_path / "out")
    for proof in (kit.lock, kit.path, None):
        assert gitshelf.verify_folder(tmp_path / "out", proof).digest == kit.digest
