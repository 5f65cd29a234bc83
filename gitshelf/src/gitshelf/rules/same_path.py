"""No two books write the same path: if books lie in one another, the outer one leaves room."""

from __future__ import annotations

from collections.abc import Iterator

from gitshelf.kit.lock import INCLUDE
from gitshelf.rules.contents import walk
from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject


def _check(subject: Subject, settings: Settings) -> Iterator[Finding]:
    books = {book.place: book for book in subject.books}
    if any(book.policies.submodules == INCLUDE for book in subject.books):
        books = {book.place: book for book, _, _ in walk(subject)}
    inner = [(book.place, book.at) for book in subject.books]
    inner += [(link.place, link.at) for link in subject.manifest.links]
    for place, location in inner:
        for outer in _above(place):
            if outer not in books:
                continue
            book = books[outer]
            inner_path = place[len(outer) :].strip("/")
            root = f"{subject.commit(book)}:{book.path}"
            # A file or link in the way of a folder is a path written twice as well.
            parts = inner_path.split("/")
            paths = ["/".join(parts[: number + 1]) for number in range(len(parts))]
            output = subject.git(subject.store(book), "ls-tree", "-z", root, "--", *paths).out
            kinds = {}
            for entry in filter(None, output.decode("utf-8", "surrogateescape").split("\0")):
                head, _, path = entry.partition("\t")
                kinds[path] = head.split()[1]
            if inner_path in kinds or "blob" in kinds.values():
                yield Finding(
                    "same-path",
                    place,
                    f"the book {outer or '.'} (line {book.at.line}) has files there too",
                    "put one of them elsewhere",
                    location,
                )


def _above(place: str) -> Iterator[str]:
    parts = place.split("/") if place else []
    for end in range(len(parts) - 1, -1, -1):
        yield "/".join(parts[:end])


RULE = Rule("same-path", "no two books write the same path", _check)
