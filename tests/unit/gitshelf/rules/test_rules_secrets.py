"""Secrets in books are found, and never shown."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.formats.pointers import Pointer
from gitshelf.rules.secrets import scan
from rulebook import KEY, book, findings

import gitshelf

Repo = Any
Cli = Callable[..., Any]
Write = Callable[[str], Path]


def test_secret_is_found_by_path_and_line_and_never_shown(
    repo: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    token = b"ghp_" + b"a1B2" * 9
    pin = repo.commit(
        {
            b"in/deep/id": b"# a\n" + KEY,
            b"in/tok\xe9n": b"x\ny = '" + token + b"'\n",
            b"in/doc": b"Write -----BEGIN RSA PRIVATE " + b"KEY----- on top. npm_ is not one.\n",
            b"out/id": KEY,
            b"in/big": b"\n" * (1 << 20) + b"\n" * 4090 + KEY + b"z" * 10000,
        }
    )
    manifest = write_manifest("books:\n" + book("a", repo, f"branch: {pin}, path: in"))
    said = run_cli("lint", "--rule", "secrets", "--gitshelf", manifest)
    assert said.code == 1
    assert "deep/id has a private key in line 2" in said.out
    assert "tok\\xe9n has a GitHub token in line 2" in said.out
    assert f"big has a private key in line {(1 << 20) + 4091}" in said.out
    assert "3 findings" in said.out
    assert token.decode() not in said.out
    assert "b3BlbnNzaC1r" not in said.out
    rule = "lint: {secrets: {allow: ['a/deep/*', 'a/tok*', a/big]}}\n"
    assert findings(write_manifest(rule + manifest.read_text())) == []


@pytest.mark.parametrize("cut", range(0, len(KEY), 7))
def test_secret_across_two_pieces_is_found(cut: int) -> None:
    data = b"one\n" * 3000 + KEY
    place = 12000 + cut
    assert set(scan(iter([data[:place], data[place:]]))) == {("a private key", 3001)}


def test_secret_in_an_included_submodule_is_found_at_its_place(
    outer: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    books = "books:\n" + book("o", outer, "branch: master, submodules: include")
    said = run_cli("lint", "--rule", "secrets", "--gitshelf", write_manifest(books))
    assert said.code == 1
    assert ":2: book o: submodule lib/in: id has a private key in line 1" in said.out
    assert findings(write_manifest("lint: {secrets: {allow: [o/lib/in/id]}}\n" + books)) == []
    for place in ("o", "o/lib/in"):
        rule = f"lint: {{secrets: {{except: [{place}]}}}}\n"
        assert findings(write_manifest(rule + books)) == []
    assert findings(write_manifest(books.replace(": include", ": omit")), "secrets") == []


def test_secret_in_an_lfs_object_is_found_where_the_book_includes_it(
    repo: Repo, write_manifest: Write
) -> None:
    content = KEY + b"x" * 2000
    oid = hashlib.sha256(content).hexdigest()
    file = repo.path / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    repo.commit({b"big.bin": Pointer(oid, len(content)).to_bytes()})
    books = "books:\n" + book("a", repo, "branch: master, lfs: include")
    (finding,) = gitshelf.lint(write_manifest(books), ["secrets"])
    assert finding.message == "big.bin has a private key in line 1"
    assert findings(write_manifest(books.replace(": include", ": omit")), "secrets") == []
