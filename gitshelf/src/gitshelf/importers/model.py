"""What importers take and return: the file to import, and the books that it names."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitshelf.base.errors import GitshelfError
from gitshelf.manifest import document
from gitshelf.manifest.document import Location, Node


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import: its name for messages, its bytes, the URL that relative ones begin at."""

    file: str
    data: bytes
    base: str = ""

    def text(self) -> str:
        """The file as text. Raises GitshelfError if it is not UTF-8."""
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self.data.count(b"\n", 0, error.start) + 1
            raise self.at(line).error("not UTF-8", "save it as UTF-8 text") from None

    def at(self, where: Node | int, book: str = "") -> Location:
        """Where a YAML node or line is."""
        return Location(
            self.file, where if isinstance(where, int) else document.line_of(where), book
        )

    def yaml(self) -> Node:
        """The file as a YAML node. Raises GitshelfError with the line if it is none."""
        root = document.compose(self.text(), self.file)
        if root is None:
            raise self.at(1).error("the file is empty", "name the file to import")
        return root

    def values(self, node: Node, what: str) -> dict[str, Node]:
        """The values of a mapping by key."""
        pairs = document.mapping(node, self.at(node), what)
        return {key: value for key, (_, value) in pairs.items()}

    def scalar(self, values: dict[str, Node], key: str, default: str = "") -> str:
        """The text under a key; `default` if there is none."""
        if key not in values:
            return default
        return document.scalar(values[key], self.at(values[key]), key) or default

    def scalar_or_more(self, values: dict[str, Node], key: str) -> str:
        """The text under a key, lower case; "..." for a list or mapping, "" for nothing."""
        if key not in values:
            return ""
        node = values[key]
        return str(node.value).lower() if type(node).__name__ == "ScalarNode" else "..."

    def required(self, values: dict[str, Node], key: str, node: Node, what: str) -> str:
        """The text under a key that must be there."""
        text = self.scalar(values, key)
        if not text:
            raise self.missing(key, node, what)
        return text

    def missing(self, key: str, where: Node | int, what: str) -> GitshelfError:
        """The error of a key that is not there."""
        return self.at(where).error(f"{what} has no `{key}`", f"write `{key}`")


@dataclass(frozen=True, slots=True)
class Imported:
    """A book: its place, and either where it comes from or what it links to."""

    place: str
    at: Location
    git: str = ""
    branch: str = "HEAD"
    path: str = ""
    track: str = ""
    link: str = ""
    submodules: bool = False


@dataclass(slots=True)
class Translation:
    """The books of a file, and what of it cannot be said (each with its line)."""

    books: list[Imported] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)

    def lose(self, location: Location, what: str) -> None:
        """Note something that cannot be said."""
        self.losses.append(f"{location}{what}")
