"""Kits and releases that are signed: which keys count, and what a signature covers."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.kit import signatures
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


# Lines of allowed_signers: KEY is the one that signed, CA one that certifies, OTHER a stranger's.
_ACCEPTED = [
    ("kim@x KEY", "kim@x"),
    ("kim@x namespaces=git KEY\nlee@x KEY", "lee@x"),
    ('kim@x namespaces="git" KEY\nlee@x namespaces="gitshelf-kit" KEY', "lee@x"),
    ('kim@x valid-before="20200101" KEY\nlee@x KEY', "lee@x"),
    ("kim@x KEY\r\n", "kim@x"),
    ("\ufeffkim@x KEY\n", "kim@x"),
    ('# kim@x KEY\n\n  lee@x\tKEY a comment, quoted "or not\n', "lee@x"),
    ("junk\nlee@x bogus KEY\nkim@x KEY", "kim@x"),
    ('"kim at x,lee@x" NAMESPACES="git,gitshelf-*",valid-after="20200101" KEY', "kim at x"),
    ("*@x,kim@x KEY", "kim@x"),
    ("!lee@x,kim@x KEY", "kim@x"),
]
_REFUSED = [
    ('kim@x namespaces="git" KEY', "not permitted for use in signature namespace"),
    ('kim@x valid-before="20200101" KEY', "key has expired"),
    ('kim@x valid-after="20990101" KEY', "key is not yet valid"),
    ('*@x valid-before="20200101" KEY', "key has expired"),
    ("kim@x cert-authority KEY", "is not one of"),
    ("kim@x OTHER", "is not one of"),
    ("!kim@x KEY", "is not one of"),
    ("", "is not one of"),
    ("\0\xff\n" * 50, "is not one of"),
]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose SHA256SUMS `key` has signed, with the keys `ca` and `other` beside it."""
    folder = tmp_path_factory.mktemp("release")
    for name in ("key", "ca", "other"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name]
        subprocess.run(argv, check=True, timeout=60)
    signatures.write_sums(folder, {"kit.tar": "0" * 64})
    signatures.sign_sums(folder, folder / "key")
    return folder


def _signers(folder: Path, text: str) -> Path:
    def public(name: re.Match[str]) -> str:
        return " ".join((folder / f"{name[0].lower()}.pub").read_text().split()[:2])

    # At once: a random key may well have the letters CA in it.
    text = re.sub("KEY|CA|OTHER", public, text)
    file = folder / "allowed_signers"
    file.write_bytes(text.encode())
    return file


@pytest.mark.parametrize(("text", "name"), _ACCEPTED)
def test_key_is_known_by_the_line_that_lets_it_sign_kits_now(
    text: str, name: str, release: Path
) -> None:
    assert signatures.check_signature(release, _signers(release, text))[0] == name


@pytest.mark.parametrize(("text", "said"), _REFUSED)
def test_key_without_such_a_line_is_refused_with_the_reason(
    text: str, said: str, release: Path
) -> None:
    with pytest.raises(Refused, match=said):
        signatures.check_signature(release, _signers(release, text))


def test_pattern_is_no_name_of_a_signer(release: Path) -> None:
    signer, _ = signatures.check_signature(release, _signers(release, "*@x,!lee@x KEY"))
    assert re.fullmatch(r"SHA256:\S{43} \(one of \*@x\)", signer)


def test_certificate_is_known_by_its_authority_and_its_own_names(release: Path) -> None:
    argv = [
        "ssh-keygen",
        "-q",
        "-s",
        release / "ca",
        "-I",
        "id",
        "-n",
        "kim@x",
        release / "key.pub",
    ]
    subprocess.run(argv, check=True, timeout=60)
    folder = release / "certified"
    folder.mkdir()
    signatures.write_sums(folder, {"kit.tar": "0" * 64})
    (release / "key-cert").write_bytes((release / "key").read_bytes())
    (release / "key-cert").chmod(0o600)
    signatures.sign_sums(folder, release / "key-cert.pub")
    assert (
        signatures.check_signature(folder, _signers(release, "kim@x cert-authority CA"))[0]
        == "kim@x"
    )
    for text in ("lee@x cert-authority CA", "kim@x CA", "kim@x cert-authority OTHER"):
        with pytest.raises(Refused):
            signatures.check_signature(folder, _signers(release, text))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"junk",
        lambda data: data[:40],
        lambda data: data.replace(b"A", b"B", 9),
        lambda data: data.replace(b"U1NIU0lH", b"////////"),
    ],
)
def test_signature_that_is_none_is_refused_in_words(
    damage: Callable[[bytes], bytes], release: Path, tmp_path: Path
) -> None:
    (tmp_path / "SHA256SUMS").write_bytes((release / "SHA256SUMS").read_bytes())
    data = (release / "SHA256SUMS.sig").read_bytes()
    (tmp_path / "SHA256SUMS.sig").write_bytes(damage(data))
    with pytest.raises(Refused, match=r"does not fit SHA256SUMS: \w"):
        signatures.check_signature(tmp_path, _signers(release, "kim@x KEY"))


_names = st.sampled_from(["kim@x", "lee@x", "*@x", "!kim@x", "k?m@x", '"a b"', "*", "!*@x"])
_options = st.sampled_from(
    ["", "", 'namespaces="git"', "namespaces=gitshelf-kit", "cert-authority", "bogus",
     'valid-before="20200101"', 'valid-after="20200101",namespaces="gitshelf-*"']
)  # fmt: skip
_lines = st.builds(
    lambda names, option, key, end: f"{','.join(names)} {option} {key}{end}",
    st.lists(_names, min_size=1, max_size=3),
    _options,
    st.sampled_from(["KEY", "KEY", "OTHER", "CA comment", ""]),
    st.sampled_from(["\n", "\r\n", "\n#x\n", "\n\n", "\n\t"]),
)


@given(text=st.lists(_lines, max_size=4).map("".join))
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whoever_ssh_keygen_accepts_is_accepted_and_nobody_else(text: str, release: Path) -> None:
    file = _signers(release, text)

    def accepted(name: str) -> bool:
        argv = ["ssh-keygen", "-Y", "verify", "-n", "gitshelf-kit", "-f", file, "-I", name]
        with (release / "SHA256SUMS").open("rb") as data:
            done = subprocess.run(
                [*argv, "-s", release / "SHA256SUMS.sig"],
                stdin=data,
                capture_output=True,
                timeout=60,
            )
        return done.returncode == 0

    try:
        signer = signatures.check_signature(release, file)[0]
    except Refused:
        signer = ""
    named = re.sub(r"^SHA256:\S+ \(one of (.*)\)$", r"\1", signer)
    if signer:
        assert accepted(named)
    else:
        assert not any(map(accepted, ["kim@x", "lee@x", "lim@x", "a b", "mail@y"]))
