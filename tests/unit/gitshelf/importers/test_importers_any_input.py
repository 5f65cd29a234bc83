"""Whatever a file to import holds: a manifest, or an error; never a traceback, never a secret."""

from __future__ import annotations

import os
from pathlib import Path

import anyimports
import pytest
from gitshelf.base.errors import GitshelfError
from gitshelf.importers import vocabularies
from gitshelf.manifest import parse
from hypothesis import given, settings
from hypothesis import strategies as st

from gitshelf import importers

FILES = {
    kind: (anyimports.xml_files if kind == "repo" else anyimports.yaml_files)(keys)
    for kind, keys in vocabularies().items()
}


def check(kind: str, folder: Path, data: bytes, *, partial: bool, base: str) -> None:
    file = folder / "theirs"
    file.write_bytes(data)
    try:
        text = importers.translate(kind, file, partial=partial, base=base)
        parse(text.encode(), folder / "gitshelf.yml")
    except GitshelfError as error:
        text = error.message + error.remedy
        text.encode()
    assert not anyimports.gives_away(data, text), text
    assert "\x1b" not in text


@pytest.mark.parametrize("kind", FILES)
def test_any_file_is_a_manifest_or_an_error_without_a_secret(kind: str, tmp_path: Path) -> None:
    @settings(
        max_examples=int(os.environ.get("IMPORTERS_EXAMPLES", "40")),
        derandomize="IMPORTERS_EXAMPLES" not in os.environ,
        database=None,
    )
    @given(FILES[kind], st.booleans(), st.sampled_from(["", "https://x.example/m", "nothing"]))
    def run(data: bytes, partial: bool, base: str) -> None:
        check(kind, tmp_path, data, partial=partial, base=base)

    run()
