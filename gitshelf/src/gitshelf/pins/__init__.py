"""Pins: every branch and tag of a manifest as the commit it stands for, written in place."""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gitshelf.base import files
from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Running
from gitshelf.base.threads import run_all
from gitshelf.formats.gitobjects import is_id
from gitshelf.git.refs import UnknownCommit
from gitshelf.manifest import Manifest
from gitshelf.manifest.books import Book
from gitshelf.manifest.document import Location
from gitshelf.pins.rewriting import NewPin, rewrite_pins
from gitshelf.resolution import Options, load, locate, resolve


def on_branch(url: str, commit: str, branch: str, *, options: Options | None = None) -> bool:
    """Whether `commit` is on `branch` of the repository at `url` (its tip or an ancestor of it).

    Raises GitshelfError if the repository cannot be asked or has no such branch.
    """
    options = options or Options()
    return options.fetcher(Running(), [url]).on_branch(url, commit, branch)


def pinned_manifest(
    file: Path,
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    options: Options | None = None,
) -> str:
    """The text of the manifest `file` with a full SHA for every book; the rest, comments and
    layout included, stays as it is.

    A branch that was named is kept as `track`, so that the pin can be checked to be on it, and a
    tag as `tag`. Raises GitshelfError as `resolve` does.
    """
    manifest = load(Path(file), environment, tokens)
    resolution = resolve(file, environment=environment, tokens=tokens, options=options)
    if resolution.manifest.data != manifest.data:
        raise GitshelfError(f"{file} changed while it was read", "try again")
    return rewrite_pins(
        manifest,
        {
            resolved.book.place: NewPin(resolved.commit, resolved.branch, resolved.tag)
            for resolved in resolution.books
        },
        tokens,
    )


@dataclass(frozen=True, slots=True)
class Pin:
    """A book's pin before and after: `old` is what the manifest says, `new` a full SHA; `track`
    the branch that it follows, `tag` the tag that it was asked by ("" for none); `at` is where it
    stands in the manifest."""

    book: str
    old: str
    new: str
    track: str
    at: Location
    tag: str = ""

    @property
    def moves(self) -> bool:
        """Whether the manifest has to change."""
        return self.old != self.new


def pin(
    file: Path,
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    options: Options | None = None,
    write: bool = True,
) -> list[Pin]:
    """Pin every book of the manifest `file` in place: each branch and tag becomes its full SHA,
    a branch is kept as `track` and a tag as `tag`. With `write` false, only say what would be done.

    Raises GitshelfError as `resolve` does; then the file is as it was.
    """
    file = Path(file)
    resolution = resolve(file, environment=environment, tokens=tokens, options=options)
    pins = [
        Pin(
            resolved.book.place,
            resolved.book.branch,
            # A pin that names an annotated tag's own id is a pin.
            resolved.book.branch if is_id(resolved.book.branch) else resolved.commit,
            resolved.book.track or resolved.branch,
            resolved.book.at,
            resolved.book.tag or resolved.tag,
        )
        for resolved in resolution.books
    ]
    if write:
        _save(resolution.manifest, pins, tokens)
    return pins


def update(
    file: Path,
    books: Sequence[str] = (),
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    options: Options | None = None,
    write: bool = True,
) -> list[Pin]:
    """Move the pins of the manifest `file` to the newest commits of the branches they track: those
    of `books` (places on the shelf), or all that track one. Returns the pins that were looked at.

    Raises GitshelfError for a book that is not there or tracks nothing, and if a repository
    cannot be asked; then the file is as it was.
    """
    options = options or Options()
    manifest = load(Path(file), environment, tokens)
    chosen = _chosen(manifest, books)
    running = Running()
    fetcher = options.fetcher(running, manifest.urls)
    by_url: dict[str, list[Book]] = {}
    for book in chosen:
        by_url.setdefault(book.url, []).append(book)

    def ask(url: str, url_books: list[Book]) -> list[Pin]:
        try:
            refs = fetcher.refs(url, [book.track for book in url_books])
        except GitshelfError as error:
            if isinstance(error, UnknownCommit):
                error.remedy = "correct `track`"
            raise locate(error, url_books, {book.place: book.track for book in url_books}) from None
        return [Pin(b.place, b.branch, refs[b.track].id, b.track, b.at) for b in url_books]

    tasks = [
        (url_books[0].place, partial(ask, url, url_books)) for url, url_books in by_url.items()
    ]
    groups = run_all(tasks, options.workers, running, options.report)
    pins = sorted((pin for group in groups for pin in group), key=lambda pin: pin.book.encode())
    if write:
        _save(manifest, pins, tokens)
    return pins


def _chosen(manifest: Manifest, names: Sequence[str]) -> list[Book]:
    """The books to update: pins that track a branch."""
    if not names:
        return [book for book in manifest.books if is_id(book.branch) and book.track]
    by_place = {book.place: book for book in manifest.books}
    chosen = []
    for name in dict.fromkeys(name.strip("/") for name in names):
        if name not in by_place:
            near = difflib.get_close_matches(name, by_place, 1, 0.5)
            remedy = f"did you mean {near[0]}?" if near else "books: " + ", ".join(by_place)
            raise GitshelfError(f"{manifest.file}: there is no book {name} from git", remedy)
        book = by_place[name]
        if not is_id(book.branch):
            raise book.at.error(
                f"it follows {book.branch} by name, there is no pin to move",
                "pin it first: gitshelf pin",
            )
        if not book.track:
            raise book.at.error(
                "nothing says which branch its pin follows", "write `track: BRANCH` in the book"
            )
        chosen.append(book)
    return chosen


def _save(manifest: Manifest, pins: Sequence[Pin], tokens: Mapping[str, str] | None) -> None:
    """Write the manifest with its new pins, aside and then in its place."""
    new_pins = {pin.book: NewPin(pin.new, pin.track, pin.tag) for pin in pins if pin.moves}
    if not new_pins:
        return
    text = rewrite_pins(manifest, new_pins, tokens)
    target = manifest.file.resolve()
    mark = codecs.BOM_UTF8 if manifest.data.startswith(codecs.BOM_UTF8) else b""
    try:
        if target.read_bytes() != manifest.data:
            raise GitshelfError(f"{manifest.file} changed while it was read", "try again")
        mode = target.stat().st_mode & 0o7777
        files.write(target, mark + text.encode(), durable=True, mode=mode)
    except OSError as error:
        raise GitshelfError(
            f"{manifest.file} cannot be written: {error.strerror}", "nothing was changed"
        ) from None
