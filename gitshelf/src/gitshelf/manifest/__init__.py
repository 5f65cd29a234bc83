"""The manifest: what a shelf holds and where each book comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitshelf.base.errors import GitshelfError
from gitshelf.kit.lock import POLICY_KEYS
from gitshelf.manifest import document
from gitshelf.manifest.bookparser import BookParser
from gitshelf.manifest.books import Book, Link
from gitshelf.manifest.document import Location
from gitshelf.manifest.texts import Texts
from gitshelf.manifest.tokens import hide

_TOP_KEYS = ("books", "defaults", "environments", "access", "lint", "extra")
_MAX_SIZE = 4 << 20
_DEFAULTS_KEYS = ("environment", *POLICY_KEYS)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read: its bytes as written, and its books, parents before children."""

    file: Path
    data: bytes
    environment: str
    books: tuple[Book, ...]
    links: tuple[Link, ...]

    @property
    def urls(self) -> list[str]:
        """Where its books come from."""
        return [book.url for book in self.books]


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
        with file.open("rb") as handle:
            data = handle.read(_MAX_SIZE + 1)
    except OSError as error:
        raise GitshelfError(
            f"{file}: {error.strerror}",
            "name the manifest with --gitshelf FILE; gitshelf --help shows one",
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
    name = str(file)
    start = Location(name, 1)
    if len(data) > _MAX_SIZE:
        raise start.error("the manifest is too big", "a manifest has 4 MiB at most")
    root = document.compose(_hide_tokens(data, name), name)
    if root is None:
        raise start.error("the manifest is empty", "list books under `books:`")
    top = document.mapping(root, start, "the manifest")
    document.check_keys(top, _TOP_KEYS, name, "the manifest")
    defaults = document.section(top, "defaults", name)
    document.check_keys(defaults, _DEFAULTS_KEYS, name, "defaults")
    document.section(top, "extra", name)  # what others keep there is theirs to read
    texts = Texts(name, dict(tokens or {}), here)
    chosen = texts.choose(document.section(top, "environments", name), defaults, environment)
    if "books" not in top:
        raise start.error("there are no books", "list books under `books:`")
    books, links = BookParser(texts, file).books(top["books"][1], defaults)
    return Manifest(file, data, chosen, tuple(books), tuple(links))


def _hide_tokens(data: bytes, name: str) -> str:
    """The manifest's text with its tokens hidden."""
    try:
        return hide(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Location(name, line).error("not UTF-8", "save it as UTF-8 text") from None
    except ValueError as error:
        raise Location(name, 1).error(str(error), "remove them") from None
