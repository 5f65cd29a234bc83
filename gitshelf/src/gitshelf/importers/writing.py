"""An imported manifest as text, proved by reading it back."""

from __future__ import annotations

import json
import re
from pathlib import Path

from gitshelf import manifest
from gitshelf.base.errors import GitshelfError
from gitshelf.importers.model import Imported, Translation
from gitshelf.kit.lock import INCLUDE

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]*(:[A-Za-z0-9._/@+-]+)*")
_TOKEN = re.compile(r"\{[A-Za-z0-9_][A-Za-z0-9_.-]*\}")


def render(kind: str, file: str, translation: Translation) -> str:
    """The manifest's text. Raises GitshelfError, with the line it came from, for a book that
    gitshelf does not take."""
    books = sorted(translation.books, key=lambda one: one.place.encode("utf-8", "surrogateescape"))
    head = [f"# Imported from {Path(file).name} ({kind}).\n"]
    for loss in translation.losses:
        head.append("# Not imported: " + re.sub(r"[\x00-\x1f\x7f\x85]", " ", loss) + "\n")
    entries = []
    for one in books:
        entry = _entry(one)
        entries.append(entry)
        # Alone first, so that what is wrong with it is said with the line it came from.
        try:
            manifest.parse(("books:\n" + entry).encode(), Path("gitshelf.yml"))
        except GitshelfError as error:
            reason = error.message.rpartition(f"book {one.place}: ")[2]
            raise one.at.error(reason, error.remedy) from None
    text = "".join([*head, "books:" + ("\n" if entries else " []\n"), *entries])
    manifest.parse(text.encode(), Path("gitshelf.yml"))
    return text


def _entry(one: Imported) -> str:
    lines = [("book", one.place)]
    if one.link:
        lines.append(("link", one.link))
    else:
        lines += [("git", one.git), ("branch", one.branch)]
        lines += [(key, text) for key, text in (("path", one.path), ("track", one.track)) if text]
        if one.submodules:
            lines.append(("submodules", INCLUDE))
    for key, text in lines:
        if _TOKEN.search(text):
            raise one.at.error(
                f"`{key}` has {{name}} in it, which a gitshelf manifest replaces", "rename it"
            )
    return "- " + "".join(
        ("" if number == 0 else "  ") + f"{key}: {_scalar(text)}\n"
        for number, (key, text) in enumerate(lines)
    )


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
