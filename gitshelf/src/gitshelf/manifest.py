"""The manifest: what a shelf holds and where each book comes from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitshelf import document, tokens, urls
from gitshelf.document import Node, Place
from gitshelf.errors import GitshelfError
from gitshelf.links import relative
from gitshelf.lock import INCLUDE, POLICY_KEYS, POLICY_VALUES, Policies

HERE = "here"
DEFAULT_BRANCH = "master"
RESERVED = "KIT"
_TOP_KEYS = ("books", "defaults", "environments", "access")
_BOOK_KEYS = (
    "book",
    "git",
    "link",
    "branch",
    "path",
    "track",
    *POLICY_KEYS,
    "skiprepourlcheck",
)
_GIT_ONLY = ("branch", "path", "track", *POLICY_KEYS)
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|/$|\.lock$|\.$")


@dataclass(frozen=True, slots=True)
class Book:
    """A book of the manifest: `book` is its place on the shelf, relative; `branch` a full SHA, tag
    or branch; `path` the folder of the repository ("" for all); `track` the branch that the pin
    must be on ("" for any). `origin` is the URL as written, `{here}` left standing."""

    book: str
    url: str
    branch: str
    path: str
    track: str
    policies: Policies
    origin: str
    place: Place


@dataclass(frozen=True, slots=True)
class Link:
    """A book that is a link to `target`, relative to the folder it lies in."""

    book: str
    target: str
    place: Place


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read: its bytes as written, and its books, parents before children."""

    file: Path
    data: bytes
    environment: str
    books: tuple[Book, ...]
    links: tuple[Link, ...]


def load(
    file: Path,
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    here: Callable[[], str] | None = None,
) -> Manifest:
    """Read the manifest `file`.

    `environment` beats the manifest's default, `tokens` beat both; `here` finds the value of
    `{here}` when it is used. Raises GitshelfError with file, line and book for whatever is wrong.
    """
    file = Path(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise GitshelfError(
            f"{file}: {error.strerror}", "name the manifest with --gitshelf FILE"
        ) from None
    return parse(data, file, environment=environment, tokens=tokens, here=here)


def parse(
    data: bytes,
    file: Path,
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    here: Callable[[], str] | None = None,
) -> Manifest:
    """As `load`, from bytes; `file` is for messages and relative URLs."""
    return _Parser(data, file, dict(tokens or {}), here).parse(environment)


class _Parser:
    def __init__(
        self,
        data: bytes,
        file: Path,
        given: dict[str, str],
        here: Callable[[], str] | None,
    ) -> None:
        self._data = data
        self._file = file
        self._name = str(file)
        self._given = given
        self._here = here
        self._values = tokens.Values({})
        self._defined: dict[str, int] = {}
        self._book = ""

    def parse(self, environment: str | None) -> Manifest:
        try:
            hidden = tokens.hide(self._data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            line = self._data.count(b"\n", 0, error.start) + 1
            raise Place(self._name, line).error("not UTF-8", "save it as UTF-8 text") from None
        except ValueError as error:
            raise Place(self._name, 1).error(str(error), "remove them") from None
        root = document.compose(hidden, self._name)
        start = Place(self._name, 1)
        if root is None:
            raise start.error("the manifest is empty", "list books under `books:`")
        top = document.mapping(root, start, "the manifest")
        for key, (node, _) in top.items():
            if key not in _TOP_KEYS:
                raise self._at(node).error(
                    f"unknown key {tokens.show(key)}", document.unknown_key(key, _TOP_KEYS)
                )
        defaults = self._section(top, "defaults", ("environment", *POLICY_KEYS))
        chosen = self._choose(top, defaults, environment)
        if "books" not in top:
            raise start.error("there are no books", "list books under `books:`")
        policies = self._policies(defaults, Policies())
        books: list[Book] = []
        links: list[Link] = []
        for node in document.sequence(top["books"][1], self._at(top["books"][1]), "books"):
            self._add(node, policies, books, links)
        self._check_places(books, links)
        books.sort(key=lambda book: book.book.encode())
        links.sort(key=lambda link: link.book.encode())
        return Manifest(self._file, self._data, chosen, tuple(books), tuple(links))

    def _at(self, node: Node) -> Place:
        return Place(self._name, document.line_of(node), self._book)

    def _section(
        self, above: dict[str, tuple[Node, Node]], key: str, known: tuple[str, ...] = ()
    ) -> dict[str, tuple[Node, Node]]:
        if key not in above:
            return {}
        node = above[key][1]
        found = document.mapping(node, self._at(node), key)
        for name, (name_node, _) in found.items():
            if known and name not in known:
                raise self._at(name_node).error(
                    f"unknown key {tokens.show(name)} in {key}", document.unknown_key(name, known)
                )
        return found

    def _choose(
        self,
        top: dict[str, tuple[Node, Node]],
        defaults: dict[str, tuple[Node, Node]],
        environment: str | None,
    ) -> str:
        """Gather the tokens: --token beats the chosen environment, which beats the default."""
        environments = self._section(top, "environments")
        default = self._default(defaults)
        layers: list[tuple[str, Place | None]] = []
        if default:
            layers.append((default, self._at(defaults["environment"][1])))
        if environment is not None:
            layers.append((environment, None))
        values: dict[str, str] = {}
        for name, place in layers:
            if name not in environments:
                if place is not None and not environments:
                    continue
                where = place or Place(self._name, 1)
                raise where.error(
                    f"there is no environment {name}", document.unknown_key(name, environments)
                )
            one = self._section(environments, name, ("description", "tokens"))
            for token, (_, node) in self._section(one, "tokens").items():
                values[token] = document.scalar(node, self._at(node), f"the token {token}")
                self._defined[token] = document.line_of(node)
        for token, value in self._given.items():
            values[token] = tokens.hide(value)
            self._defined.pop(token, None)
        self._values = tokens.Values(values)
        for token in values:
            self._expand_token(token)
        return environment or default

    def _default(self, defaults: dict[str, tuple[Node, Node]]) -> str:
        if "environment" not in defaults:
            return ""
        node = defaults["environment"][1]
        given = tokens.Values({key: tokens.hide(value) for key, value in self._given.items()})
        try:
            return tokens.expand(document.scalar(node, self._at(node), "environment"), given)
        except tokens.TokenError as error:
            raise self._at(node).error(str(error), "write the environment's name") from None

    def _expand_token(self, token: str) -> None:
        try:
            self._values(token)
        except tokens.TokenError as error:
            if "{here}" in str(error) and self._find_here():
                self._expand_token(token)
                return
            line = self._defined.get(error.name) or self._defined.get(token)
            where = str(Place(self._name, line)) if line else "--token: "
            raise GitshelfError(f"{where}{error}", self._known_tokens()) from None

    def _find_here(self) -> bool:
        if self._here is None or HERE in self._values.names:
            return False
        self._values = self._values.with_value(HERE, self._here())
        return True

    def _known_tokens(self) -> str:
        known = ", ".join(sorted(self._values.names)) or "none"
        return f"define it under environments or give --token NAME=VALUE (known: {known})"

    def _text(self, node: Node, what: str) -> str:
        raw = document.scalar(node, self._at(node), what)
        if HERE in tokens.used(raw):
            try:
                self._find_here()
            except GitshelfError as error:
                raise self._at(node).error(error.message, error.remedy) from None
        try:
            return tokens.expand(raw, self._values)
        except tokens.TokenError as error:
            raise self._at(node).error(str(error), self._known_tokens()) from None

    def _add(self, node: Node, policies: Policies, books: list[Book], links: list[Link]) -> None:
        self._book = ""
        where = self._at(node)
        pairs: dict[str, tuple[Node, Node]] = {}
        for key, (key_node, value) in document.mapping(node, where, "a book").items():
            pairs[self._text(key_node, "a key") if "\ue000" in key else key] = (key_node, value)
        if "book" not in pairs:
            self._unknown(pairs)
            raise where.error("a book without a place", "write `book: PATH`")
        written = self._text(pairs["book"][1], "book")
        self._book = written
        where = self._at(pairs["book"][0])
        self._unknown(pairs)
        path = _shelf_path(written, where)
        if ("git" in pairs) == ("link" in pairs):
            raise where.error("a book needs either `git` or `link`", "write one of them")
        if "link" in pairs:
            for key in _GIT_ONLY:
                if key in pairs:
                    raise self._at(pairs[key][0]).error(f"a link has no `{key}`", "remove it")
            links.append(Link(path, self._target(path, pairs["link"][1]), where))
        else:
            books.append(self._git_book(path, pairs, policies, where))
        self._book = ""

    def _unknown(self, pairs: dict[str, tuple[Node, Node]]) -> None:
        for key, (key_node, _) in pairs.items():
            if key not in _BOOK_KEYS:
                raise self._at(key_node).error(
                    f"unknown key {key}", document.unknown_key(key, _BOOK_KEYS)
                )

    def _git_book(
        self,
        path: str,
        pairs: dict[str, tuple[Node, Node]],
        policies: Policies,
        where: Place,
    ) -> Book:
        node = pairs["git"][1]
        url = self._text(node, "git")
        try:
            url = urls.checked(url, self._file.absolute().parent)
        except ValueError as error:
            shown = re.sub(r"//[^/@]*@", "//***@", url)
            raise self._at(node).error(f"the URL {shown} {error}", "correct `git`") from None
        origin = tokens.expand(str(node.value), self._values.with_value(HERE, "{here}"))
        branch = self._ref(pairs, "branch") or DEFAULT_BRANCH
        folder = self._text(pairs["path"][1], "path") if "path" in pairs else ""
        return Book(
            book=path,
            url=url,
            branch=branch,
            path=_inner_path(folder, self._at(pairs["path"][0])) if folder else "",
            track=self._ref(pairs, "track"),
            policies=self._policies(pairs, policies),
            origin=origin,
            place=where,
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

    def _policies(self, pairs: dict[str, tuple[Node, Node]], above: Policies) -> Policies:
        chosen = {attribute: getattr(above, attribute) for attribute in POLICY_KEYS.values()}
        for key, attribute in POLICY_KEYS.items():
            if key not in pairs:
                continue
            node = pairs[key][1]
            value = self._text(node, key)
            if value not in POLICY_VALUES[key]:
                soon = " (not there yet)" if value == INCLUDE else ""
                raise self._at(node).error(
                    f"`{key}: {value}`{soon}", "write one of " + ", ".join(POLICY_VALUES[key])
                )
            chosen[attribute] = value
        return Policies(**chosen)

    def _target(self, path: str, node: Node) -> str:
        written = self._text(node, "link")
        where = self._at(node)
        if not written or "\0" in written or "\n" in written:
            raise where.error("`link` has no target", "write where it leads")
        folder = posixpath.dirname(path)
        if written.startswith("/"):
            target = relative(posixpath.normpath(written).encode(), folder.encode()).decode()
        else:
            target = written.rstrip("/")
        end = posixpath.normpath(posixpath.join(folder, target))
        if end == ".." or end.startswith("../"):
            raise where.error(
                f"the link to {written} leads out of the shelf", "link to a place on the shelf"
            )
        return target

    def _check_places(self, books: list[Book], links: list[Link]) -> None:
        taken: dict[str, Place] = {}
        everything: list[Book | Link] = [*books, *links]
        for one in everything:
            if one.book in taken:
                first = taken[one.book]
                later, earlier = max(one.place.line, first.line), min(one.place.line, first.line)
                raise Place(self._name, later, one.place.book).error(
                    f"the place {one.book} is taken twice, first in line {earlier}",
                    "give one of them another place, or remove it",
                )
            taken[one.book] = one.place
        for link in links:
            for one in everything:
                if one.book.startswith(link.book + "/"):
                    raise one.place.error(
                        f"it would lie under the link {link.book} (line {link.place.line})",
                        "put it where the link leads, or elsewhere",
                    )


def _shelf_path(written: str, where: Place) -> str:
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in written):
        raise where.error("the place has control characters in it", "write a plain path")
    parts = [part for part in written.split("/") if part not in ("", ".")]
    if not written or ".." in parts:
        raise where.error(
            f"the place {written!r} is outside the shelf", "write a path without `..`"
        )
    if parts and parts[0] == RESERVED:
        raise where.error(f"the place {RESERVED}/ is the kit's own", "choose another place")
    return "/".join(parts)


def _inner_path(written: str, where: Place) -> str:
    parts = [part for part in written.split("/") if part not in ("", ".")]
    if written.startswith("/") or ".." in parts or "\0" in written:
        raise where.error(f"the folder {written!r} is outside the repository", "correct `path`")
    return "/".join(parts)
