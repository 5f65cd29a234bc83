"""Every pin is on the branch that its book declares."""

from __future__ import annotations

from collections.abc import Iterator

from gitshelf.formats.gitobjects import is_id
from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject


def _check(subject: Subject, settings: Settings) -> Iterator[Finding]:
    for book in subject.books:
        if book.track and not subject.on_branch(book, book.track):
            message = f"{subject.pin(book)} is not on the branch {book.track}"
            remedy = "pin a commit of that branch, or correct `track`"
        elif not book.track and not book.tag and is_id(book.branch):
            message = "it declares no branch that its pin is on"
            remedy = "write `track: BRANCH` (or `tag: TAG`) in the book"
        else:
            continue
        yield Finding("on-branch", book.place, message, remedy, book.at)


RULE = Rule("on-branch", "every pin is on the branch that its book tracks", _check)
