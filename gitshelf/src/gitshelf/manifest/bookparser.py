"""From the nodes of a manifest to its books, each with its line."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from pathlib import Path

from gitshelf.formats import names
from gitshelf.git import urls
from gitshelf.kit import lock
from gitshelf.kit.links import ends_outside, relative
from gitshelf.kit.lock import POLICY_KEYS, POLICY_VALUES, Policies
from gitshelf.manifest import document
from gitshelf.manifest.books import Book, Link
from gitshelf.manifest.document import Location, Node
from gitshelf.manifest.texts import Texts
from gitshelf.manifest.tokens import tokens_in

DEFAULT_BRANCH = "master"
RESERVED = "KIT"
_BOOK_KEYS = (
    "book",
    "git",
    "link",
    "branch",
    "path",
    "track",
    "tag",
    *POLICY_KEYS,
    "skiprepourlcheck",
)
_GIT_ONLY = ("branch", "path", "track", "tag", *POLICY_KEYS)
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|/$|\.lock$|\.$")


class BookParser:
    """The books of one manifest. Every error says file, line and book."""

    def __init__(self, texts: Texts, file: Path) -> None:
        self._texts = texts
        self._file = file
        self._name = str(file)
        self._book = ""

    def books(
        self, node: Node, defaults: dict[str, tuple[Node, Node]]
    ) -> tuple[list[Book], list[Link]]:
        """The books under `books:`, and those of them that are links."""
        policies = self._policies(defaults, Policies())
        books: list[Book] = []
        links: list[Link] = []
        for book_node in document.sequence(node, self._at(node), "books"):
            self._add(book_node, policies, books, links)
        self._check_places(books, links)
        books.sort(key=lambda book: book.place.encode())
        links.sort(key=lambda link: link.place.encode())
        return books, links

    def _at(self, node: Node) -> Location:
        return Location(self._name, document.line_of(node), self._book)

    def _text(self, node: Node, what: str) -> str:
        return self._texts.text(node, self._at(node), what)

    def _add(self, node: Node, policies: Policies, books: list[Book], links: list[Link]) -> None:
        self._book = ""
        location = self._at(node)
        pairs: dict[str, tuple[Node, Node]] = {}
        for key, (key_node, value) in document.mapping(node, location, "a book").items():
            pairs[self._text(key_node, "a key") if tokens_in(key) else key] = (key_node, value)
        if "book" not in pairs:
            document.check_keys(pairs, _BOOK_KEYS, self._name, "the book")
            raise location.error("a book without a place", "write `book: PATH`")
        written = self._text(pairs["book"][1], "book")
        self._book = written
        location = self._at(pairs["book"][0])
        document.check_keys(pairs, _BOOK_KEYS, self._name, "the book", written)
        path = _shelf_path(written, location)
        if ("git" in pairs) == ("link" in pairs):
            raise location.error("a book needs either `git` or `link`", "write one of them")
        if "link" in pairs:
            for key in _GIT_ONLY:
                if key in pairs:
                    raise self._at(pairs[key][0]).error(f"a link has no `{key}`", "remove it")
            node = pairs["link"][1]
            target = self._target(path, written.startswith("/"), node)
            links.append(Link(path, target, location, written, self._text(node, "link")))
        else:
            book = self._git_book(path, pairs, policies, location)
            skip = self._flag(pairs, "skiprepourlcheck")
            books.append(replace(book, written=written, skip_url_check=skip))
        self._book = ""

    def _git_book(
        self,
        path: str,
        pairs: dict[str, tuple[Node, Node]],
        policies: Policies,
        location: Location,
    ) -> Book:
        node = pairs["git"][1]
        url = self._text(node, "git")
        try:
            url = urls.check_url(url, self._file.absolute().parent)
        except ValueError as error:
            shown = urls.hide_password(url)
            raise self._at(node).error(f"the URL {shown} {error}", "correct `git`") from None
        origin = self._texts.origin(node)
        branch = self._ref(pairs, "branch") or DEFAULT_BRANCH
        folder = self._text(pairs["path"][1], "path") if "path" in pairs else ""
        return Book(
            place=path,
            url=url,
            branch=branch,
            path=_inner_path(folder, self._at(pairs["path"][0])) if folder else "",
            track=self._ref(pairs, "track"),
            tag=self._ref(pairs, "tag"),
            policies=self._policies(pairs, policies),
            origin=origin,
            at=location,
        )

    def _ref(self, pairs: dict[str, tuple[Node, Node]], key: str) -> str:
        if key not in pairs:
            return ""
        node = pairs[key][1]
        ref = self._text(node, key)
        if not ref or _BAD_REF.search(ref):
            raise self._at(node).error(
                f"`{key}` is not the name of a branch, tag or commit: {ref!r}",
                "write a full SHA, a tag or a branch",
            )
        return ref.lower() if len(ref) in (40, 64) and not re.search(r"[^0-9a-fA-F]", ref) else ref

    def _flag(self, pairs: dict[str, tuple[Node, Node]], key: str) -> bool:
        if key not in pairs:
            return False
        value = self._text(pairs[key][1], key).lower()
        if value not in ("true", "yes", "on", "false", "no", "off"):
            raise self._at(pairs[key][1]).error(f"`{key}: {value}`", "write true or false")
        return value in ("true", "yes", "on")

    def _policies(self, pairs: dict[str, tuple[Node, Node]], above: Policies) -> Policies:
        chosen = {attribute: getattr(above, attribute) for attribute in POLICY_KEYS.values()}
        for key, attribute in POLICY_KEYS.items():
            if key not in pairs:
                continue
            node = pairs[key][1]
            value = self._text(node, key)
            if value not in POLICY_VALUES[key]:
                raise self._at(node).error(
                    f"`{key}: {value}`", "write one of " + ", ".join(POLICY_VALUES[key])
                )
            chosen[attribute] = value
        return Policies(**chosen)

    def _target(self, path: str, absolute: bool, node: Node) -> str:
        """The target as it is on a shelf that can be moved: that of an absolute link, or of a link
        at an absolute place that leads up to the top, is relative to it."""
        written = self._text(node, "link")
        if not written or "\0" in written or "\n" in written:
            raise self._at(node).error("`link` has no target", "write where it leads")
        folder = posixpath.dirname(path)
        target = written.rstrip("/") or "/"
        if absolute and ends_outside(target, folder):
            target = posixpath.join("/", folder, target)
        if target.startswith("/"):
            end = posixpath.normpath(target)
            target = lock.text(relative(lock.raw(end), lock.raw(folder)))
        return target

    def _check_places(self, books: list[Book], links: list[Link]) -> None:
        taken: dict[str, Location] = {}
        everything: list[Book | Link] = [*books, *links]
        for book in everything:
            if book.place in taken:
                first = taken[book.place]
                later, earlier = max(book.at.line, first.line), min(book.at.line, first.line)
                raise Location(self._name, later, book.at.book).error(
                    f"the place {book.place} is taken twice, first in line {earlier}",
                    "give one of them another place, or remove it",
                )
            taken[book.place] = book.at
        for link in links:
            for book in everything:
                if book.place.startswith(link.place + "/"):
                    raise book.at.error(
                        f"it would lie under the link {link.place} (line {link.at.line})",
                        "put it where the link leads, or elsewhere",
                    )


def _shelf_path(written: str, location: Location) -> str:
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in written):
        raise location.error("the place has control characters in it", "write a plain path")
    parts = [part for part in written.split("/") if part not in ("", ".")]
    if not written or ".." in parts:
        raise location.error(
            f"the place {written!r} is outside the shelf", "write a path without `..`"
        )
    faults = [(part, names.fault(part.encode("utf-8"))) for part in parts]
    for part, fault in faults:
        if fault:
            raise location.error(f"the name {part!r} of its place {fault}", "choose another place")
    if parts and parts[0] == RESERVED:
        raise location.error(f"the place {RESERVED}/ is the kit's own", "choose another place")
    return "/".join(parts)


def _inner_path(written: str, location: Location) -> str:
    parts = [part for part in written.split("/") if part not in ("", ".")]
    if written.startswith("/") or ".." in parts or "\0" in written:
        raise location.error(f"the folder {written!r} is outside the repository", "correct `path`")
    return "/".join(parts)
