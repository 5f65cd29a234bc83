"""A kit is read in little memory whatever it is, before any digest of it is known."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.formats import compression, tar
from gitshelf.formats.tar import Entry
from gitshelf.formats.tarreader import Reader
from gitshelf.kit import contents, lock, signatures

import gitshelf

_MIB = 1 << 20
_LIMIT_MIB = 130
_CODE = """\
import re, sys
from pathlib import Path
import gitshelf
try:
    gitshelf.verify(Path(sys.argv[1]), signers=sys.argv[2] and Path(sys.argv[2]) or None)
except gitshelf.Refused as error:
    print(error.message)
peak = re.search(r"VmHWM:[ \\t]*([0-9]+)", Path("/proc/self/status").read_text())[1]
print(int(peak) >> 10)
"""


def _verified(kit: Path, signers: Path | str = "") -> tuple[str, int]:
    """What a process of its own says of a kit, and its memory at the peak in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, kit, signers], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    *said, peak = done.stdout.splitlines()
    return "\n".join(said), int(peak)


def _folder(name: bytes) -> bytes:
    return tar.header(Entry(name, tar.FOLDER, 0o755, 0, 0))


def _bomb(kit: Path, names: list[bytes], size: int) -> None:
    """A kit of files of `size` zero bytes each, in KIT/."""
    with kit.open("wb", buffering=0) as raw:
        sink = compression.compressor(raw, compression.suffix(kit))
        sink.write(_folder(b"KIT/") + _folder(b"KIT/commits/"))
        for name in names:
            sink.write(tar.header(Entry(name, tar.FILE, 0o644, size, 0)))
            for _ in range(size // _MIB):
                sink.write(bytes(_MIB))
        sink.close()


@pytest.mark.parametrize("form", [".tar.gz", ".tar.zst"])
@pytest.mark.parametrize(("number", "size"), [(3, 40 * _MIB), (1, 160 * _MIB)])
def test_kit_that_expands_without_end_is_refused_in_little_memory(
    number: int, size: int, form: str, tmp_path: Path
) -> None:
    kit = tmp_path / f"kit{form}"
    _bomb(kit, [b"KIT/commits/%040d" % n for n in range(number)], size)
    assert kit.stat().st_size < _MIB
    said, peak = _verified(kit)
    assert "KIT/ is too big, at KIT/commits/" in said
    assert peak < _LIMIT_MIB


def test_other_file_than_the_signed_one_is_refused_before_it_is_read(
    kit: Path, signing_key: Path, signers: Path
) -> None:
    gitshelf.sign_release(kit.parent, signing_key)
    packed = kit.with_name("kit.tar.gz")
    _bomb(packed, [b"KIT/lock.json"], 160 * _MIB)
    packed.replace(kit)
    said, peak = _verified(kit, signers)
    assert "not the file that SHA256SUMS lists" in said
    assert peak < _LIMIT_MIB


def test_signed_file_that_is_swapped_once_it_was_summed_is_refused(
    kit: Path,
    repo: Any,
    write_manifest: Callable[[str], Path],
    signing_key: Path,
    signers: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packed = kit.with_name("kit.tar.gz")
    gitshelf.build(
        write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n"), packed, key=signing_key
    )
    assert gitshelf.verify(packed, signers=signers).signer == "releaser@example.org"
    other = kit.with_name("other") / "kit.tar.gz"
    gitshelf.build(write_manifest(f"books:\n- {{book: c, git: '{repo.url}'}}\n"), other)
    summed = signatures.file_digest

    def swapping(path: Path) -> str:
        digest = summed(path)
        other.replace(path)
        return digest

    monkeypatch.setattr(signatures, "file_digest", swapping)
    with pytest.raises(Refused, match="not the file that SHA256SUMS lists"):
        gitshelf.verify(packed, signers=signers)


def test_name_that_no_lock_can_speak_of_is_refused_at_once(tmp_path: Path) -> None:
    kit = tmp_path / "kit.tar"
    for name in (b"KIT/commits/short", b"KIT/commits/" + b"A" * 40, b"KIT/lock.json2", b"KIT/x"):
        # The file is cut off right after its header, so it cannot have been read.
        body = _folder(b"KIT/") + _folder(b"KIT/commits/")
        kit.write_bytes(body + tar.header(Entry(name, tar.FILE, 0o644, _MIB, 0)))
        with pytest.raises(Refused, match="should not be there"):
            gitshelf.verify(kit)


def test_zstandard_frame_is_expanded_a_block_at_a_time(tmp_path: Path) -> None:
    import zstandard

    file = tmp_path / "kit.tar.zst"
    # A frame without checksum or size, of blocks that repeat one byte 128 KiB times.
    block = (128 << 10 << 3 | 1 << 1).to_bytes(3, "little") + b"x"
    last = (1).to_bytes(3, "little")
    frame = b"\x28\xb5\x2f\xfd\x00\x58" + block * 400 + last
    assert len(zstandard.ZstdDecompressor().decompressobj().decompress(frame)) == 50 * _MIB
    file.write_bytes(frame)
    with compression.open_tar(file) as source:
        pieces = [len(piece) for piece in iter(lambda: source.read(_MIB), b"")]
    assert (sum(pieces), max(pieces)) == (50 * _MIB, 128 << 10)
    file.write_bytes(frame + b"x")
    with (
        compression.open_tar(file) as source,
        pytest.raises(Refused, match="something follows the end"),
    ):
        while source.read(_MIB):
            pass


@pytest.mark.parametrize(
    ("limit", "value"),
    [("MAX_OWN", 1000), ("MAX_SIZE", 500), ("MAX_ENTRIES", 4), ("MAX_NAMES", 100)],
)
def test_kit_beyond_the_limits_is_neither_read_nor_built(
    limit: str,
    value: int,
    kit: Path,
    repo: Any,
    write_manifest: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from gitshelf.assembly import layout

    monkeypatch.setattr(lock if limit == "MAX_SIZE" else contents, limit, value)
    with pytest.raises(Refused, match=r"too big|more entries"):
        gitshelf.verify(kit)
    if limit == "MAX_NAMES":
        return
    monkeypatch.setattr(layout, limit, 2 if limit == "MAX_ENTRIES" else value)
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n")
    with pytest.raises(GitshelfError, match="the kit would have too many"):
        gitshelf.build(manifest, tmp_path / "new.tar")


def test_path_and_target_longer_than_a_disk_can_name_are_neither_read_nor_built(
    make_repo: Callable[..., Any], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n")
    for tree in ({b"/".join([b"d" * 200] * 21): b""}, {b"l": ("120000", b"x" * 4096)}):
        repo.commit(tree)
        with pytest.raises(GitshelfError, match=r"gitshelf\.yml:2: book b: .*(4095|disk can hold)"):
            gitshelf.build(manifest, tmp_path / "kit.tar")
    for entry in (
        Entry(b"d" * 5000, tar.FILE, 0o644, 0, 0),
        Entry(b"l", tar.LINK, 0o755, 0, 0, b"x" * 4096),
    ):
        (tmp_path / "kit.tar").write_bytes(tar.header(entry) + tar.END)
        with pytest.raises(Refused, match="header at byte 0"):
            gitshelf.verify(tmp_path / "kit.tar")


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity", "1.5", "9" * 5000, "[" * 5000])
def test_number_in_the_lock_that_is_none_is_refused_in_words(
    number: str, kit: Path, run_cli: Callable[..., Any]
) -> None:
    parts = []
    with kit.open("rb") as source:
        reader = Reader(source)
        while entry := reader.entry():
            data = b"".join(reader.content(entry))
            if entry.name == b"KIT/lock.json":
                data = re.sub(rb'"time": [0-9]+', f'"time": {number}'.encode(), data)
                entry = replace(entry, size=len(data))
            parts.append(tar.header(entry) + data + tar.padding(len(data)))
    kit.write_bytes(b"".join(parts) + tar.END)
    said = run_cli("verify", kit)
    assert (said.code, "KIT/lock.json cannot be read" in said.err) == (1, True)
