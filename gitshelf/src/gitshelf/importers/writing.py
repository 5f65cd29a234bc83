"""An imported manifest as text, proved by reading it back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from gitshelf import manifest
from gitshelf.base.errors import GitshelfError
from gitshelf.importers import credentials
from gitshelf.importers.model import Imported, Translation, shown
from gitshelf.kit.lock import INCLUDE
from gitshelf.manifest.document import Location

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]*(:[A-Za-z0-9._/@+-]+)*")
_TOKEN = re.compile(r"\{[A-Za-z0-9_][A-Za-z0-9_.-]*\}")


def entries(translation: Translation) -> list[str]:
    """The books as entries of a manifest, sorted by place. One that gitshelf does not take is
    noted as lost, with the line it came from; so is the later of two at one place, and a book that
    would lie under a link."""
    taken: dict[str, tuple[Imported, str]] = {}
    for book in translation.books:
        with translation.losing():
            entry = _entry(book)
            place = _place(book, entry)
            if place in taken:
                raise book.at.error(
                    f"the place is taken already ({str(taken[place][0].at).rstrip(': ')})"
                )
            taken[place] = (book, entry)
    for place, (book, _) in sorted(taken.items()):
        above = _link_above(place, taken)
        if above is not None:
            del taken[place]
            link = taken[above][0].at
            translation.lose(book.at, f"it would lie under the link of line {link.line}")
    return [entry for _, (_, entry) in sorted(taken.items(), key=lambda item: item[0].encode())]


def render(kind: str, file: str, translation: Translation, entries: Sequence[str]) -> str:
    """The manifest's text."""
    head = [f"# Imported from {shown(Path(file).name)} ({shown(kind)}).\n"]
    head += [f"# Not imported: {shown(loss)}\n" for loss in translation.losses]
    head += [f"# Left out: {remark}\n" for remark in translation.remarks()]
    text = "".join([*head, "books:" + ("\n" if entries else " []\n"), *entries])
    manifest.parse(text.encode(), Path("gitshelf.yml"))
    return text


def _place(book: Imported, entry: str) -> str:
    """The place of a book, as gitshelf reads its entry alone. Raises GitshelfError, with the line
    it came from, if it does not take it."""
    try:
        parsed = manifest.parse(("books:\n" + entry).encode(), Path("gitshelf.yml"))
    except GitshelfError as error:
        reason = error.message.rpartition(f"book {book.place}: ")[2]
        raise book.at.error(reason, error.remedy) from None
    except UnicodeEncodeError:
        raise book.at.error("it has characters in it that are no text", "correct it") from None
    places = [*(book.place for book in parsed.books), *(link.place for link in parsed.links)]
    return places[0]


def _link_above(place: str, taken: dict[str, tuple[Imported, str]]) -> str | None:
    parts = place.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return next((folder for folder in above if folder in taken and taken[folder][0].link), None)


def _entry(book: Imported) -> str:
    lines = [("book", book.place)]
    if book.link:
        lines.append(("link", book.link))
    else:
        reason = credentials.problem(book.git)
        if reason:
            raise book.at.error(f"the URL {book.git} {reason}")
        lines += [("git", book.git), ("branch", book.branch)]
        lines += [(key, text) for key, text in (("path", book.path), ("track", book.track)) if text]
        if book.submodules:
            lines.append(("submodules", INCLUDE))
    for key, text in lines:
        _check(key, text, book.at)
    return "- " + "".join(
        ("" if number == 0 else "  ") + f"{key}: {_scalar(text)}\n"
        for number, (key, text) in enumerate(lines)
    )


def _check(key: str, text: str, at: Location) -> None:
    if _TOKEN.search(text):
        raise at.error(
            f"`{key}` has {{name}} in it, which a gitshelf manifest replaces", "rename it"
        )


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
