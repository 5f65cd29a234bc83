"""What a release must hold to before it is cut: the rules of its manifest, and ALWAYS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deploykit.base.errors import Refused
from deploykit.site import Site

if TYPE_CHECKING:
    from gitshelf import Finding

ALWAYS = ("encrypted", "secrets")
NO_BOOKS = "books: []\n"
SHOWN = 20  # findings


def demand_rules(site: Site, pins: Path, before: Path | None, tokens: Mapping[str, str]) -> None:
    """Raise Refused, with each finding by file and line, if the pins in the file `pins` break a
    rule that the site's manifest has under `lint:`, or one of `ALWAYS`.

    `before` are the pins of the release before, None if there is none. What may be there all the
    same is listed in the manifest: `lint: {secrets: {allow: [PATH]}}`. Raises GitshelfError.
    """
    from gitshelf.resolution import load

    from gitshelf import lint

    if before is None:
        before = pins.with_name("before.yml")
        before.write_text(NO_BOOKS, encoding="utf-8")
    found = lint(pins, also=ALWAYS, tokens=tokens, previous=str(before), folder=site.folder)
    if not found:
        return
    # The pins have lines of their own; people know those of the manifest.
    places = {book.place: str(book.at) for book in load(site.manifest, tokens=tokens).books}
    lines = [_line(one, places.get(one.book, f"{site.manifest}: ")) for one in found[:SHOWN]]
    more = [f"- and {len(found) - SHOWN} more: gitshelf lint"] if len(found) > SHOWN else []
    remedies = dict.fromkeys(f"{one.rule}: {one.remedy}" for one in found)
    raise Refused(
        "\n".join((f"the rules of {site.manifest} refuse this release:", *lines, *more)),
        "\n".join((*remedies, "nothing was cut")),
    )


def _line(finding: Finding, place: str) -> str:
    return f"- {place}{finding.message} [{finding.rule}]"
