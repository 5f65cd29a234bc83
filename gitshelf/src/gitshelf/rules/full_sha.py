"""Every pin is a full SHA."""

from __future__ import annotations

from collections.abc import Iterator

from gitshelf.formats.gitobjects import is_id
from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject


def _check(subject: Subject, settings: Settings) -> Iterator[Finding]:
    for book in subject.books:
        if not is_id(book.branch):
            message = f"{book.branch} is not a full SHA"
            yield Finding("full-sha", book.place, message, "pin it: gitshelf pin", book.at)


RULE = Rule("full-sha", "every pin is a full SHA", _check, text_only=True)
