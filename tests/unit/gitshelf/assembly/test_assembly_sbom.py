"""The SBOM of a kit says each book's licence where that is certain, and never guesses."""

from __future__ import annotations

import hashlib
import json
import tarfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from gitshelf.assembly import licences
from gitshelf.assembly.licences import recognise_licence, stated_licence
from identify.vendor.licenses import LICENSES

import gitshelf

Repo = Any
Files = dict[bytes, Any]
TEXTS = dict(LICENSES)
MIT = TEXTS["MIT"].encode()
APACHE = TEXTS["Apache-2.0"].encode()
KNOWN = (
    "MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "MPL-2.0", "CC0-1.0", "Unlicense",
    "GPL-2.0", "GPL-3.0", "LGPL-2.1", "LGPL-3.0", "AGPL-3.0",
)  # fmt: skip


@pytest.fixture
def components(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> Callable[..., list[dict[str, Any]]]:
    """Builds books (name, files of its repository, more keys) and gives their components."""

    def build(*books: tuple[str, Files, str]) -> list[dict[str, Any]]:
        lines = []
        for name, files, more in books:
            repo = make_repo(name)
            repo.commit(files)
            lines.append(f"- {{book: {name}, git: ../servers/{name}.git{more}}}\n")
        kit = gitshelf.build(write_manifest("books:\n" + "".join(lines)), tmp_path / "kit.tar")
        return list(document(kit.path)["components"])

    return build


def sbom(kit: Path) -> bytes:
    with tarfile.open(kit) as tar:
        file = tar.extractfile("KIT/sbom.cdx.json")
        assert file is not None
        return file.read()


def document(kit: Path) -> dict[str, Any]:
    data = sbom(kit)
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(data.decode()) is None
    return dict(json.loads(data))


def said(component: dict[str, Any]) -> list[str]:
    return [
        entry.get("expression") or entry["license"].get("id") or entry["license"]["name"]
        for entry in component.get("licenses", [])
    ]


@pytest.mark.parametrize("spdx", KNOWN)
def test_text_of_a_licence_is_recognised_however_it_is_set(spdx: str) -> None:
    text = TEXTS[spdx]
    assert recognise_licence(text) == spdx
    notice = "Copyright (c) 2019-2024, Jane Doe <jane@example.org>\nAll rights reserved.\n\n"
    assert recognise_licence(notice + text.replace("\n", "\r\n").replace("http:", "https:")) == spdx
    for width in (40, 72, 10_000):
        paragraphs = [
            part if "opyright" in part else textwrap.fill(part, width, break_long_words=False)
            for part in text.split("\n\n")
        ]
        assert recognise_licence("\n\n".join(paragraphs)) == spdx


@pytest.mark.parametrize("spdx", KNOWN)
def test_licence_with_any_other_word_is_not_that_licence(spdx: str) -> None:
    text = TEXTS[spdx]
    assert recognise_licence(text + "\nThis is not for commercial use.\n") == ""
    assert recognise_licence("The terms below hold on Mondays.\n\n" + text) == ""
    middle = text.index(" ", len(text) // 2)
    assert recognise_licence(text[:middle] + " not" + text[middle:]) == ""
    assert recognise_licence(text[: len(text) // 2]) == ""


def test_texts_of_other_licences_are_not_taken_for_a_known_one() -> None:
    for spdx, text in LICENSES:
        assert recognise_licence(text) in ("", spdx)


@pytest.mark.skipif(
    not Path("/usr/share/common-licenses/GPL-3").exists(), reason="not a Debian machine"
)
def test_texts_that_debian_has_are_recognised() -> None:
    names = {"BSD": "BSD-3-Clause", "LGPL-2": "LGPL-2.0", "CC0-1.0": "CC0-1.0"}
    names |= {"Apache-2.0": "Apache-2.0", "GPL-2": "GPL-2.0", "GPL-3": "GPL-3.0"}
    names |= {"LGPL-2.1": "LGPL-2.1", "LGPL-3": "LGPL-3.0", "MPL-2.0": "MPL-2.0"}
    folder = Path("/usr/share/common-licenses")
    names = {name: spdx for name, spdx in names.items() if (folder / name).exists()}
    assert {name: recognise_licence((folder / name).read_text("utf-8")) for name in names} == names
    assert recognise_licence((folder / "GPL-1").read_text("utf-8")) == ""


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (b"COPYING", b"SPDX-License-Identifier: GPL-3.0-or-later\n", "GPL-3.0-or-later"),
        (b"LICENSE", b"# SPDX-License-Identifier:  MIT  OR Apache-2.0 \n", "MIT OR Apache-2.0"),
        (b"LICENSE", b"SPDX-License-Identifier: MIT\nSPDX-License-Identifier: ISC\n", ""),
        (b"LICENSES/EPL-2.0.txt", b"anything", "EPL-2.0"),
        (b"sub/LICENSES/MIT.txt", b"anything", "MIT"),
        (b"LICENSES/not an id.txt", b"anything", ""),
        (b"MYLICENSES/MIT.txt", b"anything", ""),
        (b"LICENSE", b"Licensed under the MIT license.\n", ""),
        (b"LICENSE", b"", ""),
        (b"LICENSE", b"\0" + MIT, ""),
        (b"LICENSE", b"\xff\xfe" + MIT, "MIT"),
        (b"LICENSE", MIT + b" " * (1 << 17), ""),
    ],
)
def test_licence_file_states_what_it_says_and_no_more(
    name: bytes, content: bytes, expected: str
) -> None:
    assert stated_licence(name, content) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({b"LICENSE": MIT}, ["MIT"]),
        ({b"licence.md": MIT, b"README": b""}, ["MIT"]),
        ({b"COPYING.LESSER": TEXTS["LGPL-3.0"].encode(),
          b"COPYING": TEXTS["GPL-3.0"].encode()}, ["GPL-3.0", "LGPL-3.0"]),
        ({b"LICENSE-MIT": MIT, b"LICENSE-APACHE": APACHE}, ["Apache-2.0", "MIT"]),
        ({b"LICENSES/MIT.txt": MIT, b"LICENSE": MIT}, ["MIT"]),
        ({b"LICENSES/LicenseRef-Own.txt": b"own"}, ["LicenseRef-Own"]),
        ({b"LICENSE": b"SPDX-License-Identifier: MIT OR Apache-2.0"}, ["MIT OR Apache-2.0"]),
        ({b"LICENSE": b"SPDX-License-Identifier: MIT OR ISC", b"COPYING": MIT},
         ["MIT", "MIT OR ISC"]),
        ({b"LICENSE": b"All yours."}, ["see LICENSE"]),
        ({b"LICENSE": MIT, b"COPYING": b"?"}, ["MIT", "see COPYING"]),
        ({b"LICENSE\xff.txt": b"?"}, []),
        ({b"LICENSES/\xff.txt": b"?"}, ["see LICENSES/\\xff.txt"]),
        ({b"license.py": MIT, b"doc/LICENSE": MIT, b"LICENSES/a/b": MIT}, []),
        ({b"LICENSE": ("120000", b"COPYING"), b"COPYING": MIT}, ["MIT"]),
        ({b"README": b""}, []),
    ],
)  # fmt: skip
def test_book_has_the_licences_that_its_own_files_state(
    components: Callable[..., list[dict[str, Any]]], files: Files, expected: list[str]
) -> None:
    (component,) = components(("b", files, ""))
    assert said(component) == expected


def test_folder_of_a_repository_has_its_own_licence_else_that_of_the_folder_above(
    components: Callable[..., list[dict[str, Any]]],
) -> None:
    inner = {b"LICENSES/MIT.txt": MIT, b"a/b/f": b"", b"c/LICENSE": APACHE, b"c/d/e/f": b""}
    one, two, three = components(
        ("r1", inner, ", path: a/b"), ("r2", inner, ", path: c"), ("r3", inner, ", path: c/d/e")
    )
    assert [said(one), said(two), said(three)] == [["MIT"], ["Apache-2.0"], ["Apache-2.0"]]
    files = [p["value"] for p in three["properties"] if p["name"] == "gitshelf:licence-file"]
    assert files == ["c/LICENSE"]


def test_many_and_large_licence_files_are_named_and_not_read(
    components: Callable[..., list[dict[str, Any]]],
) -> None:
    files: Files = {b"LICENSES/MIT-%02d.txt" % i: b"x" for i in range(45)}
    files[b"COPYING"] = MIT + b"\n" * (3 << 20)
    (component,) = components(("b", files, ""))
    assert said(component) == [
        *[f"MIT-{i:02}" for i in range(39)],
        "see COPYING",
        *[f"see LICENSES/MIT-{i}.txt" for i in range(39, 45)],
    ]


def test_equal_books_give_equal_bytes_that_other_versions_gave_too(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo("golden")
    repo.commit({b"LICENSE": MIT, b"run": ("100755", b"#!/bin/sh\n"), b"l": ("120000", b"run")})
    manifest = write_manifest(
        f"books:\n- book: b\n  git: ../servers/golden.git\n  branch: {repo.commits[0]}\n"
    )
    cold = gitshelf.build(manifest, tmp_path / "cold.tar")
    warm = gitshelf.build(manifest, tmp_path / "warm.tar")
    assert warm.digest == cold.digest
    assert hashlib.sha256(sbom(cold.path)).hexdigest() == SBOM_DIGEST
    assert cold.digest == KIT_DIGEST


SBOM_DIGEST = "5cfea06da407e72df0b7f9a3f45e958afecb7e8b760db9575916064da6b42af0"
KIT_DIGEST = "cea5751eaa1f491b1c19a24d984c20b841c8dff5e3646935284843ea34008ae5"


def test_what_an_older_matcher_found_is_found_anew(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_repo("b").commit({b"LICENSE": MIT})
    manifest = write_manifest("books:\n- {book: b, git: ../servers/b.git}\n")
    with monkeypatch.context() as older:
        older.setattr("gitshelf.assembly.spdx.VERSION", 0)
        older.setattr(licences, "recognise_licence", lambda text: "")
        kit = gitshelf.build(manifest, tmp_path / "kit.tar")
        assert said(document(kit.path)["components"][0]) == ["see LICENSE"]
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    assert said(document(kit.path)["components"][0]) == ["MIT"]


@pytest.mark.books
def test_licences_of_real_books(
    book_bundles: list[Path], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    policies = "submodules: omit, lfs: omit, links: omit, export-ignore: include"
    policies += ", export-subst: include"
    lines = [f"- {{book: {b.stem}, git: '{b}', branch: HEAD, {policies}}}\n" for b in book_bundles]
    kit = gitshelf.build(write_manifest("books:\n" + "".join(lines)), tmp_path / "kit.tar")
    found = {one["name"]: said(one) for one in document(kit.path)["components"]}
    assert found["forklift"] == ["GPL-3.0"]
    assert found["pytest-testinfra"] == ["Apache-2.0"]
    assert all(len(licence) == 1 and "see" not in licence[0] for licence in found.values())
