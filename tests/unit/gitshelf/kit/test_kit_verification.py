"""A kit that was changed in any way is refused, before anything is unpacked."""

from __future__ import annotations

import io
import os
import random
import subprocess
from pathlib import Path

import pytest
from gitshelf.base.errors import Refused
from gitshelf.formats import compression, tar
from gitshelf.formats.tar import Entry
from gitshelf.formats.tarreader import Reader

import gitshelf


def packed(kit: Path, suffix: str) -> Path:
    """The same kit, compressed."""
    target = kit.with_name("kit" + suffix)
    with target.open("wb", buffering=0) as raw:
        sink = compression.compressor(raw, suffix)
        sink.write(kit.read_bytes())
        sink.close()
    return target


@pytest.mark.timeout(600)
def test_one_changed_byte_anywhere_is_found(kit: Path) -> None:
    data = kit.read_bytes()
    chance = random.Random(7)
    missed = []
    with kit.open("r+b", buffering=0) as file:
        for position, byte in enumerate(data):
            os.pwrite(file.fileno(), bytes([byte ^ chance.randint(1, 255)]), position)
            try:
                gitshelf.verify(kit)
                missed.append(position)
            except Refused:
                pass
            os.pwrite(file.fileno(), bytes([byte]), position)
    assert not missed
    assert gitshelf.verify(kit)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.zst"])
def test_one_changed_byte_in_a_compressed_kit_never_changes_what_is_inside(
    kit: Path, suffix: str
) -> None:
    digest = gitshelf.verify(kit).digest
    file = packed(kit, suffix)
    data = file.read_bytes()
    chance = random.Random(8)
    accepted = 0
    for position, byte in enumerate(data):
        file.write_bytes(
            data[:position] + bytes([byte ^ chance.randint(1, 255)]) + data[position + 1 :]
        )
        try:
            assert gitshelf.verify(file).digest == digest
            accepted += 1
        except Refused:
            pass
    # Bits that mean nothing to the compression; SHA256SUMS covers them.
    assert accepted <= 3
    sums = subprocess.run(["sha256sum", file.name], cwd=file.parent, capture_output=True)
    (file.parent / "SHA256SUMS").write_bytes(sums.stdout)
    file.write_bytes(data)
    with pytest.raises(Refused, match="not the file that SHA256SUMS lists"):
        gitshelf.verify(file)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_truncated_or_prolonged_kit_is_refused(kit: Path, suffix: str) -> None:
    file = kit if suffix == ".tar" else packed(kit, suffix)
    data = file.read_bytes()
    for length in [0, 1, 3, 511, 512, len(data) // 2, len(data) - 513, len(data) - 1]:
        file.write_bytes(data[:length])
        with pytest.raises(Refused):
            gitshelf.verify(file)
    for tail in [b"\0", bytes(512), bytes(10240), data]:
        file.write_bytes(data + tail)
        with pytest.raises(Refused):
            gitshelf.verify(file)


def test_other_release_than_the_one_asked_for_is_refused(kit: Path) -> None:
    with pytest.raises(Refused, match="not 0000"):
        gitshelf.verify(kit, digest="0" * 64)


def test_endless_compressed_zeros_do_not_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "kit.tar.gz"
    with file.open("wb", buffering=0) as raw:
        sink = compression.compressor(raw, ".tar.gz")
        header = tar.header(Entry(b"KIT/lock.json", tar.FILE, 0o644, 1 << 40, 0))
        sink.write(header + bytes(1 << 22))
        sink.close()
    with pytest.raises(Refused):
        gitshelf.verify(file)


def test_reader_gives_the_digest_of_all_bytes(kit: Path) -> None:
    import hashlib

    data = kit.read_bytes()
    reader = Reader(io.BytesIO(data), 100)
    while entry := reader.entry():
        for _ in reader.content(entry):
            pass
    assert (reader.digest, reader.offset) == (hashlib.sha256(data).hexdigest(), len(data))
