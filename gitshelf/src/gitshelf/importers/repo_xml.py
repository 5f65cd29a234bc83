"""The elements of an Android repo manifest, with those of the files that it includes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from gitshelf.importers import including
from gitshelf.importers.keys import Fate, Vocabulary
from gitshelf.importers.model import Source, Translation
from gitshelf.manifest.document import Location

_MAX_DEPTH = 40
# What manifest_xml.py's _CheckLocalPath does not take, as file systems may leave it away.
_UNUSABLE = re.compile("[~\r\n\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_FROM_INCLUDE = ("project", "extend-project")


@dataclass(slots=True)
class Element:
    """An element: its attributes, where it stands, and those within it."""

    tag: str
    values: dict[str, str]
    file: str
    line: int
    children: list[Element] = field(default_factory=list)

    def at(self, book: str = "") -> Location:
        """Where it stands."""
        return Location(self.file, self.line, book)

    def get(self, key: str) -> str:
        """The value of an attribute, "" if it has none."""
        return self.values.get(key, "")

    def required(self, key: str) -> str:
        """The value of an attribute. Raises GitshelfError if it has none."""
        value = self.get(key)
        if not value:
            what = f"the {self.tag}"
            raise self.at().error(f"{what} has no `{key}`", f"write `{key}`")
        return value

    def path(self, key: str, *, dot: bool = False) -> str:
        """The value of an attribute that is a path or a name like one. Raises GitshelfError for
        one that repo does not take either (`dot`: "." is taken)."""
        value = self.required(key)
        reason = _bad_path(value)
        if reason and not (dot and value == "."):
            raise self.at().error(f"`{key}` of the {self.tag} {reason}: {value}", "correct it")
        return value

    def flag(self, key: str) -> bool | None:
        """The value of an attribute that is true or false; None for anything else."""
        value = self.get(key).lower()
        return {"yes": True, "true": True, "1": True}.get(value) or (
            False if value in ("no", "false", "0") else None
        )

    def words(self, key: str) -> set[str]:
        """The words of an attribute that is a list."""
        return set(re.split(r"[,\s]+", self.get(key))) - {""}

    def name(self) -> str:
        """The element as one would speak of it."""
        names = (self.get(key) for key in ("name", "dest", "path", "in-project"))
        return f"<{self.tag}> {next(filter(None, names), '')}".rstrip()


def elements(source: Source, keys: Vocabulary, translation: Translation) -> list[Element]:
    """All elements below <manifest> in order, with those of its file in the place of an <include>.
    Those that `keys` do not carry are noted and left out. Raises GitshelfError if a file is no
    manifest.
    """
    carried = _carried_children(_parse(source), keys, translation)
    flat: list[Element] = []
    for element in carried:
        if element.tag != "include":
            flat.append(element)
            continue
        with translation.losing():
            flat += _included_elements(source, element, keys, translation)
    return flat


def _included_elements(
    source: Source, include: Element, keys: Vocabulary, translation: Translation
) -> list[Element]:
    name = include.required("name")
    if len(source.chain) > 1:
        # As in repo: only the first file may name any path, if it stays within the top.
        include.path("name")
    top = including.top_of(source)
    inner = including.Inclusion(top, name, include.at(), include.name()).read(source)
    inner_elements = elements(inner, keys, translation)
    for element in inner_elements:
        if element.tag in _FROM_INCLUDE:
            groups = element.words("groups") | include.words("groups")
            element.values["groups"] = ",".join(sorted(groups))
        if element.tag == "project" and not element.get("revision"):
            element.values["revision"] = include.get("revision")
    return inner_elements


def _carried_children(parent: Element, keys: Vocabulary, translation: Translation) -> list[Element]:
    """The elements within another that are carried; what becomes of the others is noted."""
    carried = []
    section = f"<{parent.tag}> "
    for element in parent.children:
        if element.tag.startswith("x-"):
            # The names that repo's documentation keeps free for others.
            translation.leave_out(element.at(), f"<{element.tag}>, an element of somebody's own")
            continue
        fate = keys.meet(
            translation, section, f"<{element.tag}>", element.at(), name=element.name()
        )
        if fate is Fate.CARRIED:
            for key in element.values:
                keys.meet(translation, f"<{element.tag}> ", key, element.at())
            element.children = _carried_children(element, keys, translation)
            carried.append(element)
    return carried


def _parse(source: Source) -> Element:
    top = Element("", {}, source.file, 1)
    open_elements = [top]
    parser = expat.ParserCreate()

    def start(tag: str, values: dict[str, str]) -> None:
        line = parser.CurrentLineNumber
        if len(open_elements) > _MAX_DEPTH:
            raise source.at(line).error("elements lie too deep in each other", "correct the file")
        element = Element(tag, values, source.file, line)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_tag: str) -> None:
        open_elements.pop()

    def doctype(*_: object) -> None:
        raise source.at(parser.CurrentLineNumber).error("a document type", "remove it")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    # Entities could grow without bounds.
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(source.data, True)
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, "it cannot be parsed")
        raise source.at(error.lineno).error(f"not XML: {reason}", "correct the line") from None
    except (ValueError, LookupError) as error:
        raise source.at(1).error(f"not XML: {error}", "save it as UTF-8") from None
    if top.children[0].tag != "manifest":
        raise source.at(1).error("the file has no <manifest>", "name a manifest of repo")
    return top.children[0]


def _bad_path(path: str) -> str:
    """Why repo does not take a path, "" if it does."""
    if _UNUSABLE.search(path):
        return "has ~, a line break or an invisible character in it"
    if path.startswith("/"):
        return "is absolute"
    parts = path.lower().rstrip("/").split("/")
    bad = next((p for p in parts if p in (".", "..", ".git") or p.startswith(".repo")), None)
    return f"has {bad} in it" if bad is not None else ""
