"""What a kit is made of, as a CycloneDX 1.5 document (JSON) without times or random ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from gitshelf.assembly.spdx import COMMON, Licence
from gitshelf.kit.lock import LockedBook


def render(books: Iterable[LockedBook], licences: Mapping[str, Sequence[Licence]]) -> bytes:
    """The document for some books and what their licence files state, by the books' places;
    equal books give equal bytes."""
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "components": [_component(book, licences.get(book.book, ())) for book in books],
    }
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode("ascii")


def _component(book: LockedBook, licences: Sequence[Licence]) -> dict[str, object]:
    name = book.book or "."
    properties = [("gitshelf:content:sha256", book.content)]
    properties += [("gitshelf:licence-file", _shown(licence.file)) for licence in licences]
    if book.path:
        properties.append(("gitshelf:path", book.path))
    properties.append(("gitshelf:tree", book.tree))
    component: dict[str, object] = {
        "type": "application",
        "bom-ref": f"book:{quote(name)}",
        "name": name,
        "version": book.commit,
        "purl": f"pkg:generic/{quote(name)}@{book.commit}",
        "properties": [{"name": key, "value": value} for key, value in properties],
    }
    if licences:
        component["licenses"] = _licences(licences)
    return component


def _licences(licences: Sequence[Licence]) -> list[object]:
    """One entry per licence: an SPDX id if it is a common one, else a name; an expression,
    which the format only allows alone, as one if it is all there is."""
    stated = list(dict.fromkeys(licence.spdx for licence in licences))
    if len(stated) == 1 and " " in stated[0]:
        return [{"expression": stated[0]}]
    entries: list[object] = [
        {"license": {"id" if spdx in COMMON else "name": spdx}} for spdx in stated if spdx
    ]
    unsure = [licence.file for licence in licences if not licence.spdx]
    return entries + [{"license": {"name": f"see {_shown(file)}"}} for file in unsure]


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
