"""LFS objects of a kit are proved from the pointers in git."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import Refused
from lfsbooks import BIG, SMALL, manifest_of

import gitshelf

Repo = Any

if shutil.which("git-lfs") is None and os.environ.get("CI") != "true":
    pytest.skip("git-lfs is not installed", allow_module_level=True)


@pytest.mark.parametrize("place", ["b", "Before KIT", "."])
def test_changed_object_is_refused_wherever_it_lies(
    big: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, place: str
) -> None:
    text = manifest_of(big).replace("book: b", f"book: {place}")
    kit = gitshelf.build(write_manifest(text), tmp_path / "kit.tar").path
    assert gitshelf.verify(kit)
    (tmp_path / "SHA256SUMS").unlink()
    data = kit.read_bytes()
    for content in (SMALL, BIG):
        at = data.index(content)
        kit.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(Refused, match="is not the LFS object that the lock names"):
            gitshelf.verify(kit)


@pytest.mark.parametrize(
    "change",
    [
        lambda book: book["lfs"][0].update(bytes=7),
        lambda book: book["lfs"][0].update(sha256="0" * 64),
        lambda book: book["lfs"][0].update(path="plain"),
        lambda book: book["lfs"].append({"path": "other", "sha256": "0" * 64, "bytes": 1}),
        lambda book: book["lfs"].pop(),
        lambda book: book.pop("lfs"),
        lambda book: book["policies"].update(lfs="omit"),
    ],
)
def test_lock_that_says_something_else_of_lfs_is_refused(
    big: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, change: Callable[[Any], None]
) -> None:
    import io

    from gitshelf.formats import tar
    from gitshelf.formats.tarreader import Reader

    kit = gitshelf.build(write_manifest(manifest_of(big)), tmp_path / "kit.tar").path
    (tmp_path / "SHA256SUMS").unlink()
    reader = Reader(io.BytesIO(kit.read_bytes()))
    parts = []
    while (entry := reader.entry()) is not None:
        content = b"".join(reader.content(entry)) if entry.size else b""
        if entry.name == b"KIT/lock.json":
            document = json.loads(content)
            change(document["books"][0])
            content = (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
            entry = tar.Entry(entry.name, entry.kind, entry.mode, len(content), entry.mtime)
        parts += [tar.header(entry), content, tar.padding(len(content))]
    kit.write_bytes(b"".join([*parts, tar.END]))
    with pytest.raises(Refused):
        gitshelf.verify(kit)
