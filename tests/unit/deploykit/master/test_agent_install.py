"""A kit that is taken in on the master, and what is left of one that was not."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from deploykit.master.remote import kits
from deploykit.site.keys import allowed_signers
from ledgerbook import make_key, signer

import gitshelf

BOOK = "books:\n- {book: b, git: '%s'}\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kits, "ROOT", tmp_path / "kits")
    return tmp_path / "kits"


def test_signed_kit_is_unpacked_with_nothing_laid_outside_the_kits_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(tmp_path / "keys", "releaser@example.org")
    book = tmp_path / "book"
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    subprocess.run(["git", "init", "-q", book], check=True, timeout=20)
    commit = ["git", *who, "-C", book, "commit", "-q", "--allow-empty", "-m", "first"]
    subprocess.run(commit, check=True, timeout=20)
    manifest = tmp_path / "gitshelf.yml"
    manifest.write_text(BOOK % book)
    kit = gitshelf.build(manifest, tmp_path / "built" / "kit.tar.gz", key=key.file)
    incoming = root / ".incoming" / kit.digest
    incoming.mkdir(parents=True)
    for file in kit.path.parent.iterdir():
        (incoming / file.name).write_bytes(file.read_bytes())
    # Whatever wants a temporary file elsewhere fails: an agent that is killed would leave it there.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    kits.install(kit.digest, kit.path.name, allowed_signers([signer(key)], "gitshelf-kit"))
    assert kits.present(kit.digest)
    assert [entry.name for entry in (root / ".incoming").iterdir()] == []
    assert tempfile.tempdir == str(tmp_path / "nowhere")
