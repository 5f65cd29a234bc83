"""`gitshelf changes`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from gitshelf.base.printable import markdown
from gitshelf.commands.common import (
    Progress,
    day,
    json_option,
    print_json,
    run_options,
    say,
    token_options,
    token_values,
)

if TYPE_CHECKING:
    from gitshelf.compare.comparison import BookChanges, Change


@click.command(
    epilog="""\b
Examples:
  gitshelf changes old.yml gitshelf.yml
  gitshelf changes HEAD~1:gitshelf.yml gitshelf.yml
  gitshelf changes --markdown 2026.40/kit.tar.zst 2026.41/kit.tar.zst
"""
)
@click.argument("old")
@click.argument("new")
@token_options
@run_options
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@json_option
def changes(
    *,
    old: str,
    new: str,
    environment: str | None,
    tokens: tuple[str, ...],
    offline: bool,
    timeout: float,
    markdown: bool,
    as_json: bool,
) -> None:
    """Say what changed from OLD to NEW: per book its commits, authors and the bugs they close.

    Each of the two is a manifest (a file, or REVISION:FILE in git), a kit, a folder that a kit was
    unpacked into, or a lock.json.
    """
    from gitshelf.compare.comparison import changes as compare
    from gitshelf.resolution import Options

    with Progress() as progress:
        books = compare(
            old,
            new,
            environment=environment,
            tokens=token_values(tokens),
            options=Options(offline=offline, timeout=timeout, report=progress.report),
        )
    if as_json:
        print_json({"old": old, "new": new, "books": [_document(book) for book in books]})
        return
    for line in _markdown(books) if markdown else _text(books):
        say(line)


def _document(book: BookChanges) -> dict[str, object]:
    return {**dataclasses.asdict(book), "authors": book.authors}


def _text(books: Sequence[BookChanges]) -> Iterator[str]:
    if not books:
        yield "no changes"
    for book in books:
        yield f"{book.book or '.'}: {book.headline}"
        for change in book.commits:
            yield f"  {_line(change)}"
        for change in book.taken_back:
            yield f"  taken back: {_line(change)}"
        if book.note:
            yield f"  {book.note}"


def _line(change: Change) -> str:
    more = "".join(f"  {text}" for text in _marks(change))
    author = f"{change.author}: " if change.author else ""
    return f"{change.commit[:12]}  {day(change.time)}  {author}{change.subject}{more}"


def _markdown(books: Sequence[BookChanges]) -> Iterator[str]:
    if not books:
        yield "No changes."
    for number, book in enumerate(books):
        yield ("\n" if number else "") + f"## {markdown(book.book or '.')}\n"
        yield markdown(book.headline) + "\n"
        for change in book.commits:
            yield _item(change)
        for change in book.taken_back:
            yield _item(change, "taken back: ")
        if book.note:
            yield f"- {markdown(book.note)}"


def _item(change: Change, before: str = "") -> str:
    about = "; ".join(markdown(text) for text in (change.author, *_marks(change)) if text)
    more = f" ({about})" if about else ""
    return f"- {before}{change.commit[:12]} {markdown(change.subject)}{more}"


def _marks(change: Change) -> list[str]:
    return [f"Closes-Bug: {bug}" for bug in change.closes] + [
        f"Change-Id: {change_id}" for change_id in change.change_ids
    ]
