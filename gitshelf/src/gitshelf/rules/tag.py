"""The tag that a book names still points at its pin."""

from __future__ import annotations

from collections.abc import Iterator

from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject


def _check(subject: Subject, settings: Settings) -> Iterator[Finding]:
    for book in subject.books:
        if not book.tag:
            continue
        name = book.tag if book.tag.startswith("refs/") else f"refs/tags/{book.tag}"
        target = subject.ref(book, name)
        if target != subject.commit(book):
            yield Finding(
                "tag",
                book.place,
                f"the tag {book.tag} points at {target}, not at {subject.pin(book)}",
                "find out who moved the tag; pin what was reviewed",
                book.at,
            )


RULE = Rule("tag", "the tag that a book names points at its pin", _check)
