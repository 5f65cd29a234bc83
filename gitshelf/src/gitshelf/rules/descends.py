"""Every pin descends from the pin of the release before, or the manifest says that it need not."""

from __future__ import annotations

from collections.abc import Iterator

from gitshelf.formats.gitobjects import is_id
from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject


def _check(subject: Subject, settings: Settings) -> Iterator[Finding]:
    before = subject.previous(settings.previous)
    for book in subject.books:
        previous = before.get(book.place)
        if previous is None or not is_id(previous.ref) or book.place in settings.excepted:
            continue
        descends = subject.descends(book, previous.ref)
        if descends:
            continue
        why = "does not descend from" if descends is False else "cannot descend from the lost"
        yield Finding(
            "descends",
            book.place,
            f"{subject.pin(book)} {why} {previous.ref} of the release before",
            "pin a later commit, or list the book under `except` of this rule",
            book.at,
        )


RULE = Rule("descends", "every pin descends from that of the release before", _check)
