"""Submodules of a kit are proved from the commits above them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import Refused
from submodulebooks import manifest_of

import gitshelf

Repo = Any


def test_kit_whose_submodule_is_at_another_commit_is_refused(
    nested: dict[str, Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    """The forger builds mid at another commit and claims that it is the recorded one."""
    outer, inner = nested["outer"], nested["inner"]
    text = manifest_of(outer).replace("include", "omit")
    text += f"- {{book: b/vendor/mid, git: '{inner.url}', branch: {inner.commits[0]}}}\n"
    honest = gitshelf.build(write_manifest(text), tmp_path / "kit.tar")
    data = honest.path.read_bytes()
    folder = tmp_path / "forged"
    with tarfile.open(honest.path) as archive:
        found = archive.extractfile("KIT/lock.json")
        assert found is not None
        document = json.loads(found.read())
    for book in document["books"]:
        book["policies"]["submodules"] = "include"
        book.pop("omitted", None)
        if book["book"] == "b/vendor/mid":
            book["submodule-of"] = "b"
    from gitshelf.formats import tar
    from gitshelf.kit import lock

    forged = (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
    assert lock.parse(forged)
    folder.mkdir()
    (folder / "kit.tar").write_bytes(_with_lock(data, forged, tar))
    with pytest.raises(Refused, match=r"book b at .*: its files are not those of its commit"):
        gitshelf.verify(folder / "kit.tar")


def _with_lock(data: bytes, forged: bytes, tar: Any) -> bytes:
    """The same tar with another lock."""
    import io

    from gitshelf.formats.tarreader import Reader

    reader = Reader(io.BytesIO(data))
    parts = []
    while (entry := reader.entry()) is not None:
        content = b"".join(reader.content(entry)) if entry.size else b""
        if entry.name == b"KIT/lock.json":
            content = forged
            entry = tar.Entry(entry.name, entry.kind, entry.mode, len(content), entry.mtime)
        parts += [tar.header(entry), content, tar.padding(len(content))]
    return b"".join([*parts, tar.END])


def test_kit_without_submodules_says_nothing_of_them(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    kit = gitshelf.build(write_manifest(manifest_of(repo)), tmp_path / "kit.tar")
    assert b"submodule-of" not in kit.lock.to_bytes()
