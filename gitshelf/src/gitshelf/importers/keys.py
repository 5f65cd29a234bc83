"""What becomes of each key of a format: one declaration, which the reader of the format and the
table in docs/migrating.md both follow."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gitshelf.importers.model import Source, Translation
from gitshelf.manifest import document
from gitshelf.manifest.document import Location, Node


class Fate(StrEnum):
    """What becomes of a key: it is in the gitshelf manifest; the import is refused because of it
    (with --partial it is listed as not imported); or it is listed as left out, since it has no
    part in what a kit holds."""

    CARRIED = "carried"
    REFUSED = "refused"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Key:
    """The fate of a key, and `means`: what it is carried as, or why it is not."""

    fate: Fate
    means: str


def carried(means: str) -> Key:
    """A key that is in the gitshelf manifest, as `means`."""
    return Key(Fate.CARRIED, means)


def refused(means: str) -> Key:
    """A key that a gitshelf manifest cannot say."""
    return Key(Fate.REFUSED, means)


def left_out(means: str) -> Key:
    """A key that has no part in what a kit holds."""
    return Key(Fate.LEFT_OUT, means)


class Vocabulary:
    """All keys of a format. `sections` are the places where keys can be: the text that stands
    before a key there, as a reader of the format's documentation would write it, and the keys."""

    def __init__(self, sections: Mapping[str, Mapping[str, Key]]) -> None:
        self.sections = sections

    def rows(self) -> Iterator[tuple[str, str]]:
        """Each key as it is written in a table, and what becomes of it."""
        for section, keys in self.sections.items():
            for name, key in keys.items():
                yield f"{section}{name}", f"{key.fate}: {key.means}"

    def meet(
        self, translation: Translation, section: str, key: str, at: Location, *, name: str = ""
    ) -> Fate:
        """What becomes of a key of a section; one that is not declared is refused. It is noted,
        unless it is carried: by `name`, or else as in a table."""
        keys = self.sections[section]
        declared = keys.get(key)
        name = name or f"`{section}{key}`"
        if declared is None:
            near = difflib.get_close_matches(key, keys, 1, 0.7)
            hint = f"; did you mean {near[0]}?" if near else ""
            translation.lose(at, f"{name}, which this format does not have{hint}")
        elif declared.fate is Fate.REFUSED:
            translation.lose(at, f"{name}: {declared.means}")
        elif declared.fate is Fate.LEFT_OUT:
            translation.leave_out(at, f"{name}, {declared.means}")
        return declared.fate if declared else Fate.REFUSED

    def fields(
        self, translation: Translation, source: Source, section: str, node: Node
    ) -> dict[str, Node]:
        """The values of a YAML mapping by key, without those that are refused. Raises GitshelfError
        if it is none."""
        what = section.rstrip(": .[]") or "the file"
        values = unique_values(translation, source, node, what)
        return {
            name: value
            for name, (key_node, value) in values.items()
            if self.meet(translation, section, name, source.at(key_node)) is not Fate.REFUSED
        }


def unique_values(
    translation: Translation, source: Source, node: Node, what: str
) -> dict[str, tuple[Node, Node]]:
    """Key and value nodes of a mapping by key. Of a key that is there twice the last one counts,
    as it does to the tools that these formats are for; the others are noted as lost."""
    if type(node).__name__ == "MappingNode":
        last: dict[str, tuple[Node, Node]] = {}
        for key_node, value in node.value:
            name = document.scalar(key_node, source.at(key_node), f"a key of {what}")
            if name in last and name != "<<":
                line = document.line_of(key_node)
                translation.lose(
                    source.at(last[name][0]),
                    f"`{name}` is there twice in {what}; that of line {line} is taken",
                )
            last[f"{name}{len(last)}" if name == "<<" else name] = (key_node, value)
        node.value = list(last.values())
    return document.mapping(node, source.at(node), what)
