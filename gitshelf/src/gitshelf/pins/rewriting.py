"""A manifest's text with other pins in it; comments and layout stay."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

from gitshelf import git, manifest
from gitshelf.base.errors import GitshelfError
from gitshelf.manifest import Manifest, document
from gitshelf.manifest.books import Book
from gitshelf.manifest.document import Location, Node
from gitshelf.manifest.tokens import hide, show


@dataclass(frozen=True, slots=True)
class NewPin:
    """A book's pin as it is to be written: the commit, and the branch and the tag it came from. A
    `track` or `tag` that the book has already stays."""

    commit: str
    track: str = ""
    tag: str = ""


def rewrite_pins(
    original: Manifest, pins: Mapping[str, NewPin], tokens: Mapping[str, str] | None = None
) -> str:
    """The text of a manifest with new pins, by the books' places; all the rest stays.

    Raises GitshelfError if a pin is shared by several books, so that it cannot change alone.
    """
    by_line = {book.at.line: book for book in original.books}
    text = original.data.decode("utf-8-sig")
    edits: list[tuple[int, int, str]] = []
    for node, pairs in _book_nodes(text, str(original.file)):
        book = by_line.get(document.line_of(pairs["book"][0])) if "book" in pairs else None
        if book is not None and book.place in pins:
            edits += _edits(node, pairs, _missing_part(book, pins[book.place]), book.at, text)
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    _check(original, pins, text, tokens)
    return text


def _check(
    original: Manifest,
    pins: Mapping[str, NewPin],
    text: str,
    tokens: Mapping[str, str] | None,
) -> None:
    """Read the new text: nothing but the pins may have changed."""

    def plain(book: Book) -> Book:
        return replace(book, at=Location("", 0))

    expected = []
    for book in original.books:
        pin = pins.get(book.place, NewPin(book.branch))
        track, tag = book.track or pin.track, book.tag or pin.tag
        expected.append(plain(replace(book, branch=pin.commit, track=track, tag=tag)))
    folder = original.file.absolute().parent
    try:
        reread = manifest.parse(
            text.encode(),
            original.file,
            environment=original.environment or None,
            tokens=tokens,
            here=lambda: git.toplevel(folder),
        )
        rewritten = [plain(book) for book in reread.books]
    except GitshelfError:
        rewritten = []
    for old, new in zip_longest(expected, rewritten):
        if old != new:
            raise GitshelfError(
                f"{original.file}: the pin of book {old.place if old else ''} cannot be written in "
                "place, its layout is too unusual",
                "write `branch: NAME` on a line of its own in the book",
            )


def _missing_part(book: Book, new: NewPin) -> NewPin:
    """The new pin without the `track` and the `tag` that the book has already."""
    return NewPin(new.commit, "" if book.track else new.track, "" if book.tag else new.tag)


def _book_nodes(text: str, file: str) -> list[tuple[Node, dict[str, tuple[Node, Node]]]]:
    start = Location(file, 1)
    top = document.mapping(document.compose(hide(text), file), start, "the manifest")
    nodes = document.sequence(top["books"][1], start, "books")
    return [(node, document.mapping(node, start, "a book")) for node in nodes]


def _edits(
    node: Node,
    pairs: dict[str, tuple[Node, Node]],
    new: NewPin,
    location: Location,
    text: str,
) -> list[tuple[int, int, str]]:
    value_nodes = {key.value: value for key, value in node.value}
    names = {key: name for key, name in (("track", new.track), ("tag", new.tag)) if name}
    if (
        not names
        and "branch" in value_nodes
        and show(value_nodes["branch"].value).lower() == new.commit
    ):
        return []
    separator = ", "
    if not node.flow_style:
        separator = _newline(text) + " " * pairs["book"][0].start_mark.column
    added = "".join(f"{separator}{key}: {_plain(name)}" for key, name in names.items())
    if "branch" in value_nodes:
        value = value_nodes["branch"]
        key = pairs["branch"][0]
        if value.start_mark.index < key.end_mark.index or getattr(value, "anchor", None):
            raise Location(location.file, document.line_of(key), location.book).error(
                "`branch` is shared with others by an anchor", "write it out in each book"
            )
        end = value.end_mark.index
        after = end if node.flow_style else _end_of_line(text, end)
        return [(value.start_mark.index, end, new.commit), (after, after, added)]
    last = value_nodes.get("git") or value_nodes["book"]
    if last.start_mark.index < node.start_mark.index:
        last = value_nodes["book"]
    end = last.end_mark.index
    return [(end, end, f"{separator}branch: {new.commit}{added}")]


def _end_of_line(text: str, index: int) -> int:
    """Where the line of `index` ends, its comment included."""
    match = re.compile(r"[^\r\n]*").match(text, index)
    assert match is not None
    return match.end()


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _plain(name: str) -> str:
    """A branch's name as YAML."""
    return name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", name) else json.dumps(name)
