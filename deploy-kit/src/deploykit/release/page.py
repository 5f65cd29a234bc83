"""The page that an approver reads: what would come with a release. Its fixed part has a digest.

The fixed part follows from the pins of two releases, what their content declares and makes of an
environment's file, so it is the same on every machine. What is live beside it (evidence, the
verdict) is no part of the digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from deploykit.ledger.canonical import canonical
from deploykit.release import Release
from deploykit.release.comparison import compare_pins
from deploykit.release.going_back import older_packages_come, read_moves
from deploykit.release.states import StatesChange, fixed_states
from deploykit.site.going_back import Move

if TYPE_CHECKING:
    from gitshelf.compare.comparison import Change

    from deploykit.release.packages import VendorChange
    from deploykit.site import Site
    from gitshelf import BookChanges

FORMAT = 2
LAST = 2**53 - 1  # canonical JSON has no greater whole number; a commit may say any time


@dataclass(frozen=True, slots=True)
class Page:
    """What `release` has and `over` has not; over nothing, all that it holds.

    `moves` is what going back depends on, of whatever environment; nothing moves over nothing.
    `vendor` are the vendor packages, None where `release` pins none; `states` is what Salt would
    make otherwise, None where there is nothing to compare.
    """

    over: Release | None
    release: Release
    books: tuple[BookChanges, ...]
    moves: tuple[Move, ...]
    vendor: VendorChange | None = None
    states: StatesChange | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the fixed part, in hex."""
        return hashlib.sha256(canonical(fixed_json(self)).encode()).hexdigest()


def read_page(
    over: Release | None,
    release: Release,
    tokens: Mapping[str, str],
    moves: tuple[Move, ...],
    vendor: VendorChange | None = None,
) -> Page:
    """The page of the edge from `over` to `release`, over which `moves` move; `vendor` is how their
    packages differ. It knows no states yet.

    Raises GitshelfError if a repository cannot be asked.
    """
    return Page(
        over=over,
        release=release,
        books=compare_pins(over.manifest if over else None, release.manifest, tokens),
        moves=moves,
        vendor=vendor,
    )


def read_edge(
    site: Site, over: Release | None, release: Release, roles: frozenset[str] | None = None
) -> Page:
    """The page of the edge between two releases of a site, whose kits are here, in an environment
    with `roles` (None: with all).

    Raises InputError, GitshelfError.
    """
    from deploykit.release.cutting import here_tokens
    from deploykit.release.packages import vendor_change

    moves, vendor = read_moves(site, over, release), vendor_change(site, over, release)
    if over is not None and vendor is not None and older_packages_come(site, over, release, roles):
        vendor = replace(vendor, comes_back=True)
    return read_page(over, release, here_tokens(site), moves, vendor)


def fixed_json(page: Page) -> dict[str, Any]:
    """What the digest is of. Where books are fetched from is not in it: that may be any mirror."""
    fixed: dict[str, Any] = {
        "format": FORMAT,
        "over": page.over.digest if page.over else None,
        "release": page.release.digest,
        "books": [_book_json(book) for book in page.books],
        "moves": [_move_json(move) for move in page.moves],
    }
    # Not there at all where nothing is to be said: such pages keep the digest that they had.
    if page.vendor is not None:
        fixed["vendor"] = _vendor_json(page.vendor)
    if page.states is not None:
        fixed["states"] = fixed_states(page.states)
    return fixed


def _move_json(move: Move) -> dict[str, Any]:
    return {
        "what": move.what,
        "was": move.was,
        "will": move.will,
        "takes": str(move.takes),
        "roles": sorted(move.roles),
    }


def _vendor_json(vendor: VendorChange) -> dict[str, Any]:
    return {
        "over": vendor.over,
        "set": vendor.set,
        "changes": [
            {
                "source": change.source,
                "old": change.old,
                "new": change.new,
                "packages": list(change.packages),
                "roles": list(change.roles),
                "closes": list(change.closes),
            }
            for change in vendor.changes
        ],
        # As above: pages of contents that do not say so keep their digest.
        **({"comes_back": True} if vendor.comes_back else {}),
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
