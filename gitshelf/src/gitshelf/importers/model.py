"""What importers take and return: the file to import, and the books that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Stopped
from gitshelf.importers.credentials import hide
from gitshelf.manifest import document
from gitshelf.manifest.document import Location, Node

if TYPE_CHECKING:
    from gitshelf.resolution import Options

_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ue000\ue001]"
)

_PLACE = re.compile(r"(.*?):(\d{1,9}): ")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import: its name for messages, its bytes, the URL that relative ones begin at.

    `options` say how repositories that it names may be asked, None that they may not; `chain` are
    the files that led here, itself last; `opened` are all that were read because of the first one,
    `silent` the hosts that did not answer.
    `origin` is the URL of the repository that it was read from, "" for a file of this machine.
    """

    file: str
    data: bytes
    base: str = ""
    options: Options | None = None
    chain: tuple[str, ...] = ()
    opened: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    origin: str = ""

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

    def scalar(self, values: Mapping[str, Node], key: str, default: str = "") -> str:
        """The text under a key; `default` if there is none."""
        if key not in values:
            return default
        if document.is_null(values[key]):
            return default
        return document.scalar(values[key], self.at(values[key]), key) or default

    def texts(self, node: Node, what: str) -> list[str]:
        """The texts of a list, or of one text alone."""
        if type(node).__name__ == "ScalarNode":
            return [str(node.value)]
        items = document.sequence(node, self.at(node), what)
        return [document.scalar(item, self.at(item), what) for item in items]

    def required(self, values: Mapping[str, Node], key: str, node: Node, what: str) -> str:
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
    """The books of a file; what in it cannot be said in a gitshelf manifest (`losses`); and what
    has no part in what a kit holds (`omissions`). Each loss is a line of text that begins with
    where it stands; those that a method notes are printable and free of passwords."""

    books: list[Imported] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    omissions: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def lose(self, location: Location, what: str) -> None:
        """Note something that cannot be said."""
        self.losses.append(shown(f"{location}{what}"))

    def leave_out(self, location: Location, what: str) -> None:
        """Note something that has no part in what a kit holds: `what`, at one line of a file."""
        lines = self.omissions.setdefault((shown(location.file), shown(what)), [])
        if location.line not in lines[-1:]:
            lines.append(location.line)

    def sort(self) -> None:
        """Bring what cannot be said into the order of the lines, file by file."""
        placed = [(_PLACE.match(loss), loss) for loss in self.losses]
        files = {place[1]: number for number, (place, _) in enumerate(placed) if place}
        self.losses = [
            loss
            for _, _, loss in sorted(
                (files[place[1]] if place else -1, int(place[2]) if place else 0, loss)
                for place, loss in placed
            )
        ]

    @contextmanager
    def losing(self) -> Iterator[None]:
        """Note an error of the block (it says where) as something that cannot be said."""
        try:
            yield
        except Stopped:
            raise
        except GitshelfError as error:
            remedy = f"; {error.remedy}" if error.remedy else ""
            self.losses.append(shown(error.message + remedy))

    def remarks(self) -> list[str]:
        """What was left out, a line for each thing and file, file by file."""
        files = list(dict.fromkeys(file for file, _ in self.omissions))
        return [
            f"{file}:{', '.join(str(line) for line in lines)}: {what}"
            for (file, what), lines in sorted(
                self.omissions.items(),
                key=lambda omission: (files.index(omission[0][0]), omission[1]),
            )
        ]


def shown(text: str) -> str:
    """A text as one line that can be printed, without passwords."""
    return hide(_UNPRINTABLE.sub(" ", text))
