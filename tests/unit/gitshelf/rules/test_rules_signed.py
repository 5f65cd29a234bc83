"""Signatures of pinned commits and tags: which keys count."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from rulebook import book, findings

Repo = Any
Cli = Callable[..., Any]
Write = Callable[[str], Path]


def test_commit_or_tag_without_a_known_signature_is_found(
    repo: Repo, write_manifest: Write, signing_key: Path, signers: Path, tmp_path: Path
) -> None:
    own = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "gpg.format=ssh")
    signing = (*own, "-c", f"user.signingkey={signing_key}")
    other = tmp_path / "other"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True, timeout=60
    )
    unknown = (*own, "-c", f"user.signingkey={other}")
    make = ("commit-tree", "-S", "master^{tree}", "-p", "master", "-m", "signed")
    signed, stranger = repo.git(*signing, *make), repo.git(*unknown, *make)
    repo.git("update-ref", "refs/heads/signed", signed)
    repo.git("update-ref", "refs/heads/stranger", stranger)
    repo.git(*signing, "tag", "-s", "-m", "v1", "v1", repo.commits[0])
    repo.git(*unknown, "tag", "-s", "-m", "v2", "v2", repo.commits[1])
    manifest = write_manifest(
        "books:\n"
        + book("signed", repo, f"branch: {signed}")
        + book("by-tag", repo, f"branch: {repo.commits[0]}, tag: v1")
        + book("tag-id", repo, f"branch: {repo.git('rev-parse', 'v1')}")
        + book("stranger", repo, f"branch: {stranger}")
        + book("strange-tag", repo, f"branch: {repo.commits[1]}, tag: v2")
        + book("wrong-tag", repo, f"branch: {repo.commits[1]}, tag: v1")
        + book("unsigned", repo, f"branch: {repo.commits[0]}")
    )
    bad = ["stranger", "strange-tag", "wrong-tag", "unsigned"]
    assert findings(manifest, "signed", signers=signers) == [("signed", name) for name in bad]
    (manifest.parent / "signers").write_bytes(signers.read_bytes())
    plain = manifest.read_text()
    rule = f"lint: {{signed: {{signers: signers, except: {json.dumps(bad)}}}}}\n"
    assert findings(write_manifest(rule + plain)) == []
    with pytest.raises(GitshelfError, match="who may sign is not said"):
        findings(write_manifest(plain), "signed")


@pytest.fixture
def openpgp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Makes OpenPGP keys that the user's own GnuPG knows, by their names, and gives them."""
    if shutil.which("gpg") is None and os.environ.get("CI") != "true":
        pytest.skip("gpg is not installed")

    def gpg(*arguments: str) -> str:
        argv = ["gpg", "--batch", "--quiet", "--passphrase", "", *arguments]
        done = subprocess.run(argv, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def make(name: str) -> str:
        gpg("--quick-generate-key", name, "ed25519", "sign", "never")
        return gpg("--armor", "--export", name)

    # Short, because its agent listens there.
    with tempfile.TemporaryDirectory(prefix="gnupg-") as home:
        monkeypatch.setenv("GNUPGHOME", home)
        yield make
        subprocess.run(["gpgconf", "--kill", "all"], timeout=60)


def test_openpgp_signature_counts_by_the_keys_of_the_release_alone(
    repo: Repo,
    write_manifest: Write,
    openpgp: Callable[[str], str],
    signing_key: Path,
    signers: Path,
    run_cli: Cli,
) -> None:
    known = openpgp("known@example.org")
    openpgp("stranger@example.org")
    own = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    make = ("commit-tree", "-S", "master^{tree}", "-p", "master", "-m", "signed")
    made = {}
    for name in ("known", "stranger"):
        made[name] = repo.git(*own, "-c", f"user.signingkey={name}@example.org", *make)
    ssh = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={signing_key}")
    made["ssh"] = repo.git(*own, *ssh, *make)
    for name, commit in made.items():
        repo.git("update-ref", f"refs/heads/{name}", commit)
    who = "user.signingkey=known@example.org"
    repo.git(*own, "-c", who, "tag", "-s", "-m", "v1", "v1", repo.commits[0])
    text = "books:\n" + "".join(book(n, repo, f"branch: {c}") for n, c in made.items())
    text += book("by-tag", repo, f"branch: {repo.commits[0]}, tag: v1")
    manifest = write_manifest(text)
    keys = manifest.parent / "keys.asc"
    keys.write_text(known)

    def bad(**asked: Any) -> set[str]:
        return {name for _, name in findings(manifest, "signed", **asked)}

    assert bad(keys=keys) == {"stranger", "ssh"}
    assert bad(keys=keys, signers=signers) == {"stranger"}
    assert bad(signers=signers) == {"known", "stranger", "by-tag"}
    rule = "lint: {signed: {keys: keys.asc, except: [stranger, ssh]}}\n"
    assert run_cli("lint", "--gitshelf", write_manifest(rule + text)).code == 0
    keys.write_text("nothing\n")
    said = run_cli("lint", "--gitshelf", manifest, "--rule", "signed", "--keys", keys)
    assert said.code == 2
    assert "keys.asc holds no OpenPGP keys" in said.err
