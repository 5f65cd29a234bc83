"""Kits and releases that are signed: which keys count, and what a signature covers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError, Refused

import gitshelf

Repo = Any


def test_signature_is_asked_for_and_the_key_must_be_known(
    repo: Repo,
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    signing_key: Path,
    signers: Path,
    run_cli: Callable[..., Any],
) -> None:
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n")
    kit = gitshelf.build(manifest, tmp_path / "r" / "kit.tar.gz", key=signing_key)
    assert gitshelf.verify(kit.path, signers=signers).signer == "releaser@example.org"
    folder = kit.path.parent
    # Plain tools accept it.
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    with (folder / "SHA256SUMS").open("rb") as sums:
        subprocess.run(
            [
                *("ssh-keygen", "-Y", "verify", "-f", signers, "-I", "releaser@example.org"),
                *("-n", "gitshelf-kit", "-s", folder / "SHA256SUMS.sig"),
            ],
            stdin=sums,
            check=True,
            capture_output=True,
        )
    stranger = tmp_path / "stranger"
    stranger.write_text(
        "someone ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3kMKkXuIqnIuzQCPTSBjHyZzCFTkDUIB4hXPvjWFFn\n"
    )
    said = run_cli("verify", kit.path, "--signers", stranger)
    assert said.code == 1
    assert "is not one of" in said.err
    for_other_things = tmp_path / "other"
    for_other_things.write_text(signers.read_text().replace(" ssh-", ' namespaces="git" ssh-'))
    with pytest.raises(Refused):
        gitshelf.verify(kit.path, signers=for_other_things)
    sums_file = folder / "SHA256SUMS"
    before = sums_file.read_bytes()
    sums_file.write_bytes(before.replace(b"0", b"1", 1))
    with pytest.raises(Refused, match="does not fit"):
        gitshelf.verify(kit.path, signers=signers)
    sums_file.write_bytes(before)
    kit.path.rename(folder / "other.tar.gz")
    with pytest.raises(Refused, match="does not list other"):
        gitshelf.verify(folder / "other.tar.gz", signers=signers)
    (folder / "SHA256SUMS.sig").unlink()
    with pytest.raises(Refused, match="no SHA256SUMS with its signature"):
        gitshelf.verify(folder / "other.tar.gz", signers=signers)


def test_signature_for_older_sums_does_not_stay(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, signing_key: Path
) -> None:
    text = f"books:\n- {{book: b, git: '{repo.url}'}}\n"
    kit = gitshelf.build(write_manifest(text), tmp_path / "r" / "kit.tar", key=signing_key)
    assert gitshelf.build(write_manifest(text), kit.path).signature is not None
    assert gitshelf.build(write_manifest(text + "# more\n"), kit.path).signature is None


def test_sign_release_covers_exactly_the_files_of_the_folder(
    kit: Path, signing_key: Path, signers: Path
) -> None:
    (kit.parent / "release.yml").write_text("version: 1\n")
    gitshelf.sign_release(kit.parent, signing_key)
    listed = (kit.parent / "SHA256SUMS").read_text()
    assert [line[66:] for line in listed.splitlines()] == ["kit.tar", "release.yml"]
    assert gitshelf.verify(kit, signers=signers).signer == "releaser@example.org"


def test_key_that_cannot_sign_is_an_error_and_nothing_asks(kit: Path, tmp_path: Path) -> None:
    with pytest.raises(GitshelfError, match="is not there"):
        gitshelf.sign_release(kit.parent, tmp_path / "nokey")
    locked = tmp_path / "locked"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked], check=True, timeout=60
    )
    begun = time.monotonic()
    with pytest.raises(GitshelfError, match=r"signing with .* failed"):
        gitshelf.sign_release(kit.parent, locked)
    assert time.monotonic() - begun < 20


def test_build_with_a_key_that_is_not_there_writes_nothing(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n")
    with pytest.raises(GitshelfError, match=r"the signing key .* is not there"):
        gitshelf.build(manifest, tmp_path / "out" / "kit.tar", key=tmp_path / "nokey")
    assert not (tmp_path / "out").exists()
