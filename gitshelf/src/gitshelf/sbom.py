"""What a kit is made of, as a CycloneDX 1.5 document (JSON) without times or random ids."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote

from gitshelf.lock import LockedBook


def render(books: Iterable[LockedBook]) -> bytes:
    """The document for some books; equal books give equal bytes."""
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "components": [_component(book) for book in books],
    }
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode("ascii")


def _component(book: LockedBook) -> dict[str, object]:
    name = book.book or "."
    properties = {"gitshelf:tree": book.tree, "gitshelf:content:sha256": book.content}
    if book.path:
        properties["gitshelf:path"] = book.path
    return {
        "type": "application",
        "bom-ref": f"book:{quote(name)}",
        "name": name,
        "version": book.commit,
        "purl": f"pkg:generic/{quote(name)}@{book.commit}",
        "properties": [{"name": key, "value": properties[key]} for key in sorted(properties)],
    }
