"""The page that an approver reads, as JSON, text, Markdown and HTML: one document."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploykit.base import times
from deploykit.base.printable import printable
from deploykit.board.approval import Live
from deploykit.board.states import show_states
from deploykit.ledger.view import Evidence
from deploykit.release import Release
from deploykit.release.page import Page, fixed_json
from deploykit.site.going_back import RollbackClass, WayBack, way_back

if TYPE_CHECKING:
    from gitshelf import BookChanges

TEMPLATES = Path(__file__).resolve().parents[1] / "templates" / "page"
TAKES = {
    RollbackClass.REVERSIBLE: "deploy-kit rollback brings back what was before",
    RollbackClass.RESTORE: "only with the database of before (deploy-kit rollback --restore); what "
    "was written since is lost then",
    RollbackClass.FORWARD_ONLY: "there is no way back",
}
PACKAGES = {
    False: "it brings back no package's version: nothing is downgraded",
    True: "the vendor packages of before come with it",
}


def page_json(
    page: Page, live: Live, way: WayBack, environment: str | None = None
) -> dict[str, Any]:
    """The whole page for machines: the fixed part, its digest, and what is live beside it.

    `way` is the way back of the edge in the environment that is named, or in any.
    """
    fixed = fixed_json(page)
    return {
        **fixed,
        **({"states": asdict(page.states)} if page.states else {}),
        "over": _release_json(page.over) if page.over else None,
        "release": _release_json(page.release),
        "page": page.digest,
        "rollback": {
            "class": str(way.kind) if page.over else None,
            "because": [str(move) for move in way.moves],
            "rehearsed": _rehearsal_json(live.rehearsal) if live.rehearsal else None,
        },
        "environment": environment,
        "evidence": [_evidence_json(entry) for entry in live.evidence],
        "packages": None if live.packages is None else [asdict(c) for c in live.packages],
        "rules": [asdict(row) for row in live.rules],
    }


def render_page(page: Page, live: Live, document: dict[str, Any], form: str) -> str:
    """The `document` that `page_json` made of both as `txt`, `md` or `html`."""
    from gitshelf.base.printable import markdown
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = lambda text: markdown(str(text))
    shown = {
        **document,
        "books": list(map(_book_shown, document["books"], page.books)),
        "going_back": going_back(page),
        "rehearsal": _rehearsal(document, live.rehearsal),
        "vendor": document.get("vendor"),
        "states": show_states(page.states) if page.states else None,
    }
    return printable(environment.get_template(f"page.{form}.j2").render(shown))


def _release_json(release: Release) -> dict[str, str]:
    return {"version": release.version, "digest": release.digest}


def _evidence_json(entry: Evidence) -> dict[str, Any]:
    where = f"a copy of {entry.environment}" if entry.copy else entry.environment
    where += f" by {entry.provider}" if entry.provider else ""
    return {
        "n": entry.n,
        "time": times.iso(entry.time),
        "check": entry.check,
        "result": entry.result.value,
        "where": where,
        "over": entry.over,
        "seconds": entry.seconds,
        "summary": entry.summary,
    }


def _rehearsal_json(entry: Evidence) -> dict[str, Any]:
    took = entry.rollback.seconds if entry.rollback else None
    return {**_evidence_json(entry), "back_in": took}


def _book_shown(book: dict[str, Any], changes: BookChanges) -> dict[str, Any]:
    return {
        **book,
        "headline": changes.headline,
        "commits": [_commit_shown(commit) for commit in book["commits"]],
        "taken_back": [_commit_shown(commit) for commit in book["taken_back"]],
    }


def _commit_shown(commit: dict[str, Any]) -> dict[str, Any]:
    day = datetime.fromtimestamp(min(commit["time"], 253402300799), UTC)
    return {**commit, "short": commit["commit"][:12], "day": f"{day:%Y-%m-%d}"}


def going_back(page: Page) -> str:
    """What going back takes in an environment with every role: it is the same everywhere."""
    if page.over is None:
        return "there is nothing before"
    way = way_back(page.moves)
    words = f"{way.kind}: {TAKES[way.kind]}" + (f": {way.why}" if way.moves else "")
    vendor = page.vendor
    return words + (f"; {PACKAGES[vendor.comes_back]}" if vendor and vendor.changes else "")


def rehearsal_words(entry: Evidence | None) -> str:
    """Whether going back was rehearsed, how long it took, where, and how it ended."""
    if entry is None:
        return "not rehearsed"
    rehearsed = entry.rollback.seconds if entry.rollback else None
    took = "" if rehearsed is None else f" in {rehearsed:.0f} s"
    where = f"a copy of {entry.environment}, {times.iso(entry.time)} (record {entry.n})"
    return f"rehearsed{took} in {where}: {entry.result}"


def _rehearsal(document: dict[str, Any], entry: Evidence | None) -> str:
    """The class in the environment and the last rehearsal; '' where nothing was before."""
    if document["over"] is None:
        return ""
    name = document["environment"]
    where = f" in {name}: {document['rollback']['class']}," if name else ":"
    return f"going back{where} {rehearsal_words(entry)}"
