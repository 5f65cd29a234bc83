"""The values of a west manifest that have a form of their own: imports, filters, true and false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from gitshelf.importers.keys import Vocabulary
from gitshelf.importers.model import Source, Translation
from gitshelf.manifest import document
from gitshelf.manifest.document import Location, Node

_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off", "", "~", "null")


@dataclass(frozen=True, slots=True)
class ImportMap:
    """One import: the file (None for `true`), the prefix of the projects' paths, and which of
    them are wanted."""

    at: Location
    file: str | None
    prefix: str = ""
    allowed_names: tuple[str, ...] = ()
    allowed_paths: tuple[str, ...] = ()
    blocked_names: tuple[str, ...] = ()
    blocked_paths: tuple[str, ...] = ()

    def takes(self, name: str, path: str) -> bool:
        """Whether a project is wanted: a block counts less than being allowed by name."""
        place = PurePosixPath(path)
        allowed = name in self.allowed_names or any(place.match(p) for p in self.allowed_paths)
        blocked = name in self.blocked_names or any(place.match(p) for p in self.blocked_paths)
        if blocked:
            return allowed
        return allowed or not (self.allowed_names or self.allowed_paths)


def imports(
    keys: Vocabulary, translation: Translation, source: Source, node: Node, book: str
) -> Iterator[ImportMap]:
    """The imports that a value says: true, a file, a mapping, or a list of these."""
    at = source.at(node, book)
    kind = type(node).__name__
    if kind == "SequenceNode":
        for item in node.value:
            if type(item).__name__ == "SequenceNode":
                raise source.at(item, book).error("a list in the list of `import`", "write one")
            yield from imports(keys, translation, source, item, book)
    elif kind == "MappingNode":
        yield _import_map(keys.fields(translation, source, "import.", node), source, at)
    elif not _is_flag(node):
        yield ImportMap(at, str(node.value))
    elif flag(source, node, "import"):
        yield ImportMap(at, None)


def _import_map(fields: dict[str, Node], source: Source, at: Location) -> ImportMap:
    def names(what: str, new: str, old: str) -> tuple[str, ...]:
        key = next((k for k in (f"{what}-{new}", f"{what}-{old}") if k in fields), None)
        return tuple(source.texts(fields[key], key)) if key else ()

    return ImportMap(
        at,
        source.scalar(fields, "file", "west.yml"),
        source.scalar(fields, "path-prefix"),
        names("name", "allowlist", "whitelist"),
        _patterns(names("path", "allowlist", "whitelist"), at),
        names("name", "blocklist", "blacklist"),
        _patterns(names("path", "blocklist", "blacklist"), at),
    )


def _patterns(patterns: tuple[str, ...], at: Location) -> tuple[str, ...]:
    if not all(PurePosixPath(pattern).parts for pattern in patterns):
        raise at.error("an empty path in a list of `import`", "take it out")
    return patterns


def group_filter(source: Source, node: Node) -> list[str]:
    """The groups that a filter puts on and off. Raises GitshelfError for anything else."""
    items = document.sequence(node, source.at(node), "group-filter")
    groups = [document.scalar(item, source.at(item), "a group") for item in items]
    for text, item in zip(groups, items, strict=True):
        if text[:1] not in ("+", "-") or not text[1:]:
            raise source.at(item).error(
                f"the group {text} begins with neither + nor -", "write which it is"
            )
    return groups


def flag(source: Source, node: Node, what: str) -> bool:
    """A value that is true or false. Raises GitshelfError for anything else."""
    if not _is_flag(node):
        raise source.at(node).error(f"`{what}` is neither true nor false", "write one of them")
    return str(node.value).lower() in _TRUE


def _is_flag(node: Node) -> bool:
    plain = type(node).__name__ == "ScalarNode" and not node.style
    return plain and str(node.value).lower() in (*_TRUE, *_FALSE)
