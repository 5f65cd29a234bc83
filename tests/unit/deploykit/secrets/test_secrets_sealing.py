"""Files for chosen people, with the real age and real SSH keys."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import DeployKitError, InputError, Refused
from deploykit.secrets.sealing import (
    Header,
    Recipient,
    named_recipient,
    read_header,
    recipients_of,
    seal,
    unseal,
)
from deploykit.site.keys import Signer

CONTENT: dict[str, Any] = {"environment": "test", "secrets": {"admin": "hunter2hunter2"}}
OPERATORS = frozenset({"admin", "operator"})


@pytest.fixture(autouse=True)
def age() -> None:
    if not shutil.which("age"):
        pytest.fail("age is missing: deploy-kit/setup") if os.environ.get("CI") else pytest.skip(
            "no age here"
        )


def key_pair(folder: Path, name: str, kind: str = "ed25519") -> Path:
    file = folder / name
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", file], check=True, timeout=60
    )
    return file


def public(key: Path) -> str:
    return " ".join(Path(f"{key}.pub").read_text().split()[:2])


def sealed(folder: Path, *keys: Path) -> tuple[Path, Header]:
    readers = [Recipient(key.name, public(key)) for key in keys]
    names = tuple(reader.name for reader in readers)
    header = Header("test", "2026-11-21T08:00:00Z", 1, names)
    file = folder / "kept" / "test.age"
    seal(file, header, CONTENT, readers)
    return file, header


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_each_recipient_opens_it_with_an_ssh_key(tmp_path: Path, kind: str) -> None:
    first, second = key_pair(tmp_path, "first", kind), key_pair(tmp_path, "second")
    file, header = sealed(tmp_path, first, second)
    for key in (first, second):
        assert unseal(file, key) == (header, CONTENT)


def test_file_shows_what_it_is_and_no_value(tmp_path: Path) -> None:
    file, header = sealed(tmp_path, key_pair(tmp_path, "me"))
    assert read_header(file) == header
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert "hunter2" not in text and '"admin"' not in text
    assert [entry.name for entry in file.parent.iterdir()] == ["test.age"]


def test_plain_age_opens_it_without_deploy_kit(tmp_path: Path) -> None:
    key = key_pair(tmp_path, "me")
    file, _ = sealed(tmp_path, key)
    line = 'sed 1d "$1" | age -d -i "$2"'
    done = subprocess.run(
        ["sh", "-c", line, "sh", file, key], capture_output=True, check=True, timeout=60
    )
    assert json.loads(done.stdout)["content"] == CONTENT


def test_stranger_is_refused_and_told_who_can_open_it(tmp_path: Path) -> None:
    file, _ = sealed(tmp_path, key_pair(tmp_path, "me"))
    with pytest.raises(Refused, match="no identity matched") as refused:
        unseal(file, key_pair(tmp_path, "stranger"))
    assert "it is for me" in refused.value.remedy


def test_changed_first_line_is_noticed(tmp_path: Path) -> None:
    key = key_pair(tmp_path, "me")
    file, _ = sealed(tmp_path, key)
    file.write_text(file.read_text().replace('"environment": "test"', '"environment": "prod"', 1))
    with pytest.raises(Refused, match="first line"):
        unseal(file, key)


def test_changed_byte_is_noticed(tmp_path: Path) -> None:
    key = key_pair(tmp_path, "me")
    file, _ = sealed(tmp_path, key)
    lines = file.read_text().splitlines()
    lines[-2] = lines[-2][:-4] + ("AAAA" if lines[-2][-4:] != "AAAA" else "BBBB")
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(Refused, match="does not open it"):
        unseal(file, key)


@pytest.mark.parametrize("text", ["", "no JSON\n", "{}\n", '{"format": 1}\nx', "[]\n"])
def test_file_that_is_no_export_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other"
    file.write_text(text)
    with pytest.raises(InputError, match="is no export of secrets"):
        unseal(file, key_pair(tmp_path, "me"))


def test_public_key_cannot_open_and_that_is_said(tmp_path: Path) -> None:
    key = key_pair(tmp_path, "me")
    file, _ = sealed(tmp_path, key)
    with pytest.raises(InputError, match="no private key"):
        unseal(file, Path(f"{key}.pub"))


def test_failed_export_leaves_the_one_of_before(tmp_path: Path) -> None:
    file, header = sealed(tmp_path, key_pair(tmp_path, "me"))
    before = file.read_bytes()
    with pytest.raises(DeployKitError, match="age cannot encrypt"):
        seal(file, header, CONTENT, [Recipient("bad", "ssh-ed25519 AAAA")])
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == ["test.age"]


def test_export_is_never_written_over_another_file(tmp_path: Path) -> None:
    key = key_pair(tmp_path, "me")
    file, header = sealed(tmp_path, key)
    before = file.read_bytes()
    with pytest.raises(Refused, match="is there already"):
        seal(file, header, CONTENT, [Recipient("me", Path(f"{key}.pub").read_text().strip())])
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == ["test.age"]


def test_recipients_are_the_signers_that_may_restore(tmp_path: Path) -> None:
    keys = {name: public(key_pair(tmp_path, name)) for name in ("boss", "worker", "witness")}
    signers = [
        Signer("boss", keys["boss"], frozenset({"admin"})),
        Signer("worker", keys["worker"], frozenset({"operator", "approver"})),
        Signer("witness", keys["witness"], frozenset({"approver"})),
        Signer("token", "ecdsa-sha2-nistp256 AAAA", frozenset({"admin"})),
    ]
    assert [one.name for one in recipients_of(signers, OPERATORS)] == ["boss", "worker"]
    with pytest.raises(Refused, match="nobody could open it"):
        recipients_of(signers[2:], OPERATORS)


def test_recipient_is_a_line_or_the_file_of_a_key(tmp_path: Path) -> None:
    key = key_pair(tmp_path, "me")
    assert named_recipient(f"{key}.pub") == Recipient("me", public(key))
    assert named_recipient(f"{public(key)} vault") == Recipient("vault", public(key))
    age = "age1" + "q" * 58
    assert named_recipient(age).key == age
    for wrong in ("--output=/x", "ssh-dss AAAA", str(key), "/nowhere", "age1short"):
        with pytest.raises(InputError, match="no key that age can encrypt to"):
            named_recipient(wrong)
