"""Every book comes by a protocol that proves the server.

Over http:// and git:// whoever is on the way says which commit a branch or tag is at, and sees
what is fetched. A pin fixes the content, but only from the first look on.
"""

from __future__ import annotations

from collections.abc import Iterator

from gitshelf.git.urls import hide_password, is_plaintext
from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject


def _check(subject: Subject, settings: Settings) -> Iterator[Finding]:
    for book in subject.books:
        if is_plaintext(book.url):
            yield Finding(
                "encrypted",
                book.place,
                f"{hide_password(book.url)} is fetched in plain text, from whoever answers",
                "take https:// or ssh, or list the book under `except`",
                book.at,
            )


RULE = Rule("encrypted", "every book comes by https, ssh or from here", _check, text_only=True)
