"""Every pin is still to be had from its repository, not only from the cache."""

from __future__ import annotations

from collections.abc import Iterator

from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject


def _check(subject: Subject, settings: Settings) -> Iterator[Finding]:
    for book in subject.books:
        if not subject.still_has_pin(book):
            yield Finding(
                "exists",
                book.place,
                f"{book.url} does not have {subject.pin(book)}",
                "correct the SHA; if it was pushed away, take a commit that is on a branch",
                book.at,
            )


RULE = Rule("exists", "every pin exists in its repository", _check)
