"""The page that an approver reads: what would come with a release. Its fixed part has a digest.

The fixed part follows from the pins of two releases and what their content declares, so it is the
same on every machine. What is live beside it (evidence, the verdict) is no part of the digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploykit.ledger.canonical import canonical
from deploykit.release import Release
from deploykit.release.comparison import compare_pins
from deploykit.release.going_back import read_moves
from deploykit.site.going_back import Move

if TYPE_CHECKING:
    from gitshelf.compare.comparison import Change

    from deploykit.site import Site
    from gitshelf import BookChanges

FORMAT = 2
LAST = 2**53 - 1  # canonical JSON has no greater whole number; a commit may say any time


@dataclass(frozen=True, slots=True)
class Page:
    """What `release` has and `over` has not; over nothing, all that it holds.

    `moves` is what going back depends on, of whatever environment; nothing moves over nothing.
    """

    over: Release | None
    release: Release
    books: tuple[BookChanges, ...]
    moves: tuple[Move, ...]

    @property
    def digest(self) -> str:
        """The SHA-256 of the fixed part, in hex."""
        return hashlib.sha256(canonical(fixed_json(self)).encode()).hexdigest()


def read_page(
    over: Release | None,
    release: Release,
    tokens: Mapping[str, str],
    moves: tuple[Move, ...],
) -> Page:
    """The page of the edge from `over` to `release`, over which `moves` move.

    Raises GitshelfError if a repository cannot be asked.
    """
    return Page(
        over=over,
        release=release,
        books=compare_pins(over.manifest if over else None, release.manifest, tokens),
        moves=moves,
    )


def read_edge(site: Site, over: Release | None, release: Release) -> Page:
    """The page of the edge between two releases of a site, whose kits are here.

    Raises InputError, GitshelfError.
    """
    from deploykit.release.cutting import here_tokens

    return read_page(over, release, here_tokens(site), read_moves(site, over, release))


def fixed_json(page: Page) -> dict[str, Any]:
    """What the digest is of. Where books are fetched from is not in it: that may be any mirror."""
    return {
        "format": FORMAT,
        "over": page.over.digest if page.over else None,
        "release": page.release.digest,
        "books": [_book_json(book) for book in page.books],
        "moves": [_move_json(move) for move in page.moves],
    }


def _move_json(move: Move) -> dict[str, Any]:
    return {
        "what": move.what,
        "was": move.was,
        "will": move.will,
        "takes": str(move.takes),
        "roles": sorted(move.roles),
    }


def _book_json(book: BookChanges) -> dict[str, Any]:
    return {
        "book": book.book,
        "kind": book.kind,
        "old": book.old,
        "new": book.new,
        "commits": [_commit_json(commit) for commit in book.commits],
        "taken_back": [_commit_json(commit) for commit in book.taken_back],
        "listed": book.listed,
    }


def _commit_json(commit: Change) -> dict[str, Any]:
    return {
        "commit": commit.commit,
        "author": commit.author,
        "address": commit.address,
        "time": min(commit.time, LAST),
        "subject": commit.subject,
        "closes": list(commit.closes),
    }
