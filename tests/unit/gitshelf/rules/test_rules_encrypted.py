"""Books that are fetched in plain text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rulebook import findings

Cli = Callable[..., Any]
Write = Callable[[str], Path]

ID = "0123456789" * 4


@pytest.mark.parametrize(
    ("url", "finding"),
    [
        ("http://git.example.org/a.git", True),
        ("HTTP://git.example.org/a.git", True),
        ("git://git.example.org/a.git", True),
        ("http://10.0.0.1:3000/a.git", True),
        ("http://[2001:db8::1]/a.git", True),
        ("http://localhost.example.org/a.git", True),
        ("https://git.example.org/a.git", False),
        ("ssh://git.example.org/a.git", False),
        ("git@git.example.org:a.git", False),
        ("../a.git", False),
        ("http://127.0.0.1:8080/a.git", False),
        ("git://[::1]/a.git", False),
        ("http://localhost/a.git", False),
    ],
)
def test_book_that_anybody_on_the_way_could_answer_for_is_found(
    write_manifest: Write, url: str, finding: bool
) -> None:
    manifest = write_manifest(f"books:\n- {{book: a, git: '{url}', branch: {ID}}}\n")
    assert findings(manifest, "encrypted") == ([("encrypted", "a")] if finding else [])


def test_book_in_plain_text_is_told_without_settings_and_can_be_excepted(
    write_manifest: Write, run_cli: Cli
) -> None:
    books = f"books:\n- {{book: a, git: 'git://git.example.org/a.git', branch: {ID}}}\n"
    said = run_cli("lint", "--rule", "encrypted", "--gitshelf", write_manifest(books))
    assert said.code == 1
    assert ":2: book a: git://git.example.org/a.git is fetched in plain text" in said.out
    assert "remedy: take https:// or ssh" in said.out
    assert findings(write_manifest(f"lint: {{encrypted: {{except: [a]}}}}\n{books}")) == []
