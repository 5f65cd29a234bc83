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

if TYPE_CHECKING:
    from gitshelf.compare.comparison import Change

    from deploykit.release.packages import VendorChange
    from deploykit.site import Site
    from gitshelf import BookChanges

FORMAT = 1
LAST = 2**53 - 1  # canonical JSON has no greater whole number; a commit may say any time


@dataclass(frozen=True, slots=True)
class Page:
    """What `release` has and `over` has not; over nothing, all that it holds.

    `schemas` are the database schemas that move, each with what they were and will be: going back
    over those needs the database of before. `vendor` are the vendor packages, None where `release`
    pins none.
    """

    over: Release | None
    release: Release
    books: tuple[BookChanges, ...]
    schemas: Mapping[str, tuple[str, str]]
    vendor: VendorChange | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the fixed part, in hex."""
        return hashlib.sha256(canonical(fixed_json(self)).encode()).hexdigest()

    @property
    def reversible(self) -> bool:
        """Whether `deploy-kit rollback` alone brings back what was before."""
        return not self.schemas


def read_page(
    over: Release | None,
    release: Release,
    tokens: Mapping[str, str],
    schemas: tuple[Mapping[str, str], Mapping[str, str]],
    vendor: VendorChange | None = None,
) -> Page:
    """The page of the edge from `over` to `release`; `schemas` are what both declare, `vendor` how
    their packages differ.

    Raises GitshelfError if a repository cannot be asked.
    """
    was, will = schemas
    return Page(
        over=over,
        release=release,
        books=compare_pins(over.manifest if over else None, release.manifest, tokens),
        schemas={
            name: (was.get(name, ""), will.get(name, ""))
            for name in sorted({*was, *will})
            if over is not None and was.get(name) != will.get(name)
        },
        vendor=vendor,
    )


def read_edge(site: Site, over: Release | None, release: Release) -> Page:
    """The page of the edge between two releases of a site, whose kits are here.

    Raises InputError, GitshelfError.
    """
    from deploykit.release.cutting import here_tokens
    from deploykit.release.packages import vendor_change

    schemas = (over.schemas(site) if over is not None else {}, release.schemas(site))
    vendor = vendor_change(site, over, release)
    return read_page(over, release, here_tokens(site), schemas, vendor)


def fixed_json(page: Page) -> dict[str, Any]:
    """What the digest is of. Where books are fetched from is not in it: that may be any mirror."""
    found = {
        "format": FORMAT,
        "over": page.over.digest if page.over else None,
        "release": page.release.digest,
        "books": [_book_json(book) for book in page.books],
        "schemas": {name: list(schemas) for name, schemas in page.schemas.items()},
    }
    # Not there at all without a mirror: pages that were approved before keep their digest.
    return found if page.vendor is None else {**found, "vendor": _vendor_json(page.vendor)}


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
