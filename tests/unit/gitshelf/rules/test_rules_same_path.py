"""Books that write the same path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rulebook import book, findings

Repo = Any

Write = Callable[[str], Path]


def test_book_that_writes_a_path_of_an_included_submodule_is_found(
    outer: Repo, repo: Repo, write_manifest: Write
) -> None:
    manifest = write_manifest(
        "books:\n"
        + book("o", outer, "branch: master, submodules: include")
        + book("o/lib/in/x", repo, f"branch: {repo.commits[0]}")
        + book("o/lib/in/new", repo, f"branch: {repo.commits[0]}")
    )
    assert findings(manifest, "same-path") == [("same-path", "o/lib/in/x")]


def test_books_that_write_the_same_path_are_found(
    repo: Repo, make_repo: Callable[..., Repo], write_manifest: Write
) -> None:
    other = make_repo("other")
    other.commit({b"x": b"1"})
    manifest = write_manifest(
        "books:\n"
        + book("o", repo, "branch: master")
        + "".join(book(f"o/{name}", other, "branch: master") for name in ("a", "README/b", "new/c"))
        + "- {book: o/a/run, link: ../new}\n"
        + book("p", repo, "branch: master, path: a")
        + book("p/README", other, "branch: master")
        + book("p/run", other, "branch: master")
    )
    names = [name for _, name in findings(manifest, "same-path")]
    assert names == ["o/a", "o/README/b", "o/a/run", "p/run"]
