"""nova_compute's tool for files of instances: real rsync by TLS, between hypervisors alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from deploykit.master.remote import secrets

TOOL = Path(__file__).resolve().parents[3] / "salt/states/nova_compute/files/peers.py"
BYTES = 3_000_000  # more than pipes and sockets hold


def shown(folder: Path, name: str, *, both_ways: bool = True) -> Path:
    """A folder as the states make it: the region's authority, and a certificate of `name`."""
    made = secrets.certificate(None, name, ["one", "127.0.0.1"], "test", both_ways=both_ways)
    folder.mkdir()
    (folder / "authority.crt").write_text((secrets.ROOT / "ca/ca.crt").read_text())
    (folder / "hypervisor.certificate").write_text(made["certificate"])
    (folder / "hypervisor.key").write_text(made["key"])
    return folder


@dataclass(frozen=True, slots=True)
class Peer:
    """The hypervisor `one`, which listens at `port`, and the certificate of another."""

    port: int
    folder: Path

    def rsync(
        self, *words: str | Path, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """rsync with the tool as its remote shell; HERE: stands for the peer."""
        shell = f"{sys.executable} {TOOL} to {folder or self.folder} {self.port}"
        argv = [str(word).replace("HERE:", "127.0.0.1:") for word in words]
        return subprocess.run(
            ["rsync", *argv],
            env={**os.environ, "RSYNC_RSH": shell},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    monkeypatch.setattr(secrets, "ROOT", tmp_path / "environment")
    secrets.ROOT.mkdir()
    folder = shown(tmp_path / "peers", "hypervisor_tls")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, TOOL, "serve", folder, str(port), "127.0.0.1"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as server:
        end = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < end:
            time.sleep(0.05)
        yield Peer(port, folder)
        server.terminate()


def test_disk_is_copied_to_the_peer_and_back_byte_for_byte(peer: Peer, tmp_path: Path) -> None:
    disk, there, again = tmp_path / "disk", tmp_path / "there", tmp_path / "again"
    disk.write_bytes(os.urandom(BYTES))
    done = peer.rsync("-r", "--sparse", "--compress", disk, f"HERE:{there}")
    assert done.returncode == 0, done.stderr
    assert there.read_bytes() == disk.read_bytes()
    assert peer.rsync("-r", "--sparse", f"HERE:{there}", again).returncode == 0
    assert again.read_bytes() == disk.read_bytes()


def test_folder_is_made_and_taken_away_as_nova_does_it(peer: Peer, tmp_path: Path) -> None:
    """The calls of nova's driver: a relative copy of an empty folder, then one that deletes it."""
    empty, target = tmp_path / "empty", tmp_path / "instances" / "id"
    (empty / str(target).strip("/")).mkdir(parents=True)
    target.parent.mkdir()
    made = f"{empty}/./{str(target).strip('/')}"
    done = peer.rsync("--archive", "--relative", "--no-implied-dirs", made, "HERE:/")
    assert done.returncode == 0, done.stderr
    assert target.is_dir()
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    words = ("--archive", "--delete", "--include", target.name, "--exclude", "*")
    done = peer.rsync(*words, f"{nothing}/", f"HERE:{target.parent}")
    assert done.returncode == 0, done.stderr
    assert not target.exists()


def test_what_the_peer_cannot_do_fails_here(peer: Peer, tmp_path: Path) -> None:
    done = peer.rsync(f"HERE:{tmp_path}/missing", tmp_path / "target")
    assert done.returncode != 0
    assert "missing" in done.stderr


@pytest.mark.parametrize(
    ("name", "both_ways"), [("load_balancer_tls", True), ("hypervisor_tls", False)]
)
def test_other_certificate_of_the_region_is_not_enough(
    peer: Peer, tmp_path: Path, name: str, both_ways: bool
) -> None:
    (tmp_path / "secret").write_text("secret")
    other = shown(tmp_path / "other", name, both_ways=both_ways)
    done = peer.rsync(f"HERE:{tmp_path}/secret", tmp_path / "stolen", folder=other)
    assert done.returncode != 0
    assert not (tmp_path / "stolen").exists()


def test_certificate_of_another_authority_is_not_enough(
    peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("secret")
    monkeypatch.setattr(secrets, "ROOT", tmp_path / "elsewhere")
    secrets.ROOT.mkdir()
    other = shown(tmp_path / "other", "hypervisor_tls")
    done = peer.rsync(f"HERE:{tmp_path}/secret", tmp_path / "stolen", folder=other)
    assert done.returncode != 0
    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize("words", [["touch"], ["rsync", "--server", "--daemon"], ["rsync"]])
def test_nothing_but_the_server_of_one_copy_is_started(
    peer: Peer, tmp_path: Path, words: list[str]
) -> None:
    argv = [sys.executable, str(TOOL), "to", str(peer.folder), str(peer.port), "127.0.0.1"]
    subprocess.run(
        [*argv, *words, str(tmp_path / "made")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert not (tmp_path / "made").exists()
