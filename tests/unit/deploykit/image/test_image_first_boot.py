"""What the node image becomes in a cloud: once, by the instance's id; nobody without being told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from deploykit.image import first_boot
from deploykit.image.disk import _write_boot_sectors, disk_key
from deploykit.image.inputs import Inputs

DOCUMENT = {
    "hostname": "web",
    "ssh_keys": {"ed25519_private": "PRIVATE\n", "ed25519_public": "ssh-ed25519 AAAA"},
    "write_files": [
        {"path": "/root/.ssh/authorized_keys", "permissions": "0600", "content": "key\n"},
        {"path": "/usr/local/sbin/x", "permissions": "0755", "content": "#!/bin/sh\n"},
    ],
    "runcmd": [["true"], ["false"]],
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes | None]:
    """What metadata says; nothing of this machine is changed."""
    document = f"#cloud-config\n{json.dumps(DOCUMENT)}\n"
    said: dict[str, bytes | None] = {
        "meta_data.json": json.dumps({"uuid": "one"}).encode(),
        "user_data": document.encode(),
    }
    monkeypatch.setattr(first_boot, "ask", lambda name, _: said[name])
    monkeypatch.setattr(first_boot, "grow", lambda: None)
    monkeypatch.setattr(first_boot, "say", lambda _: None)
    monkeypatch.setattr(first_boot.subprocess, "run", quiet)
    return said


def quiet(words: list[str], **_: object) -> object:
    """In the place of programs; the last words are kept."""
    quiet.words = words  # type: ignore[attr-defined]
    return type("Done", (), {"returncode": 0, "stderr": ""})


def test_new_machine_becomes_who_it_is_told_to_be(
    told: dict[str, bytes | None], tmp_path: Path
) -> None:
    ssh = tmp_path / "etc/ssh"
    ssh.mkdir(parents=True)
    (ssh / "ssh_host_rsa_key").write_text("of the image")
    (tmp_path / "var/lib").mkdir(parents=True)
    assert first_boot.main(tmp_path) == 0
    assert (tmp_path / "etc/hostname").read_text() == "web\n"
    assert sorted(file.name for file in ssh.iterdir()) == [
        "ssh_host_ed25519_key",
        "ssh_host_ed25519_key.pub",
    ]
    assert (ssh / "ssh_host_ed25519_key").stat().st_mode & 0o777 == 0o600
    keys = tmp_path / "root/.ssh/authorized_keys"
    assert (keys.read_text(), keys.stat().st_mode & 0o777) == ("key\n", 0o600)
    assert (tmp_path / "usr/local/sbin/x").stat().st_mode & 0o777 == 0o755
    assert quiet.words[-1] == "169.254.169.254/32"  # type: ignore[attr-defined]


def test_machine_that_is_known_stays_and_a_copy_of_its_disk_becomes_another(
    told: dict[str, bytes | None], tmp_path: Path
) -> None:
    (tmp_path / "etc/ssh").mkdir(parents=True)
    (tmp_path / "var/lib").mkdir(parents=True)
    first_boot.main(tmp_path)
    key = tmp_path / "etc/ssh/ssh_host_ed25519_key"
    key.write_text("its own\n")
    assert first_boot.main(tmp_path) == 0 and key.read_text() == "its own\n"
    told["meta_data.json"] = None
    assert first_boot.main(tmp_path) == 0 and key.read_text() == "its own\n"
    told["meta_data.json"] = json.dumps({"uuid": "two"}).encode()
    assert first_boot.main(tmp_path) == 0 and key.read_text() == "PRIVATE\n"


def test_machine_that_is_told_nothing_lets_nobody_in(
    told: dict[str, bytes | None], tmp_path: Path
) -> None:
    told["meta_data.json"] = None
    assert first_boot.main(tmp_path) == 1  # sshd needs the unit: it does not start
    told |= {"meta_data.json": b'{"uuid": "one"}', "user_data": None}
    assert first_boot.main(tmp_path) == 1
    told["user_data"] = b"#!/bin/sh\necho of somebody else\n"
    with pytest.raises(SystemExit):
        first_boot.main(tmp_path)
    assert not (tmp_path / "var").exists()


def test_disk_has_one_partition_to_its_end_and_grub_before_it(tmp_path: Path) -> None:
    raw, boot, core = tmp_path / "raw", tmp_path / "boot.img", tmp_path / "core.img"
    raw.write_bytes(bytes(4 * 2**20))
    boot.write_bytes(b"B" * 512)
    core.write_bytes(b"C" * 30_000)
    _write_boot_sectors(raw, boot, core)
    found = raw.read_bytes()
    assert found[:446] == b"B" * 446 and found[510:512] == b"\x55\xaa"
    assert found[512:30_512] == b"C" * 30_000 and found[30_512] == 0
    first, sectors = (int.from_bytes(found[at : at + 4], "little") for at in (454, 458))
    assert (first, (first + sectors) * 512) == (2048, len(found))


def test_disk_of_another_node_image_has_another_key() -> None:
    inputs = Inputs(("a",), (), (), (), "salt", "2026-W49")
    other = Inputs(("a", "b"), (), (), (), "salt", "2026-W49")
    assert disk_key(inputs, None) == disk_key(inputs, None) != disk_key(other, None)
