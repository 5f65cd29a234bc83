"""Pins: a manifest with every branch and tag replaced by the commit it resolved to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gitshelf import document, tokens
from gitshelf.cache import Cache
from gitshelf.document import Node, Place
from gitshelf.errors import GitshelfError
from gitshelf.fetch import Fetcher
from gitshelf.process import Running
from gitshelf.resolution import Options, load, resolve


def on_branch(url: str, commit: str, branch: str, *, options: Options | None = None) -> bool:
    """Whether `commit` is on `branch` of the repository at `url` (its tip or an ancestor of it).

    Raises GitshelfError where the repository cannot be asked or has no such branch.
    """
    options = options or Options()
    fetcher = Fetcher(
        Cache(options.cache), Running(), timeout=options.timeout, offline=options.offline
    )
    return fetcher.on_branch(url, commit, branch)


def pinned_manifest(
    file: Path,
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    options: Options | None = None,
) -> str:
    """The text of the manifest `file` with a full SHA for every book; the rest, comments and
    layout included, stays as it is.

    A branch that was named is kept as `track`, so that the pin can be checked to be on it. Raises
    GitshelfError as `resolve` does.
    """
    read = load(Path(file), environment, tokens)
    resolution = resolve(file, environment=environment, tokens=tokens, options=options)
    if resolution.manifest.data != read.data:
        raise GitshelfError(f"{file} changed while it was read", "try again")
    by_line = {one.book.place.line: one for one in resolution.books}
    text = read.data.decode("utf-8-sig")
    edits: list[tuple[int, int, str]] = []
    for node, pairs in _book_nodes(text, str(file)):
        if "git" not in pairs:
            continue
        one = by_line[document.line_of(pairs["book"][0])]
        edits += _edits(node, pairs, one.commit, "" if one.book.track else one.branch)
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _book_nodes(text: str, file: str) -> list[tuple[Node, dict[str, tuple[Node, Node]]]]:
    start = Place(file, 1)
    top = document.mapping(document.compose(tokens.hide(text), file), start, "the manifest")
    nodes = document.sequence(top["books"][1], start, "books")
    return [(node, document.mapping(node, start, "a book")) for node in nodes]


def _edits(
    node: Node, pairs: dict[str, tuple[Node, Node]], commit: str, track: str
) -> list[tuple[int, int, str]]:
    flow = bool(node.flow_style)
    anchor = pairs["branch" if "branch" in pairs else "git"][1]
    start, end = anchor.start_mark.index, anchor.end_mark.index
    lines = ([] if "branch" in pairs else [f"branch: {commit}"]) + (
        [f"track: {track}"] if track else []
    )
    column = pairs["book"][0].start_mark.column
    between = ", " if flow else "\n" + " " * column
    added = "".join(between + line for line in lines)
    if "branch" in pairs:
        return [(start, end, commit + added)]
    return [(end, end, added)]
