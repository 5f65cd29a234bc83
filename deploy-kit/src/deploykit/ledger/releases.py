"""The releases that a ledger knows, and the one version that each has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from deploykit.ledger.records import Record
from deploykit.ledger.selection import derived_once, of_first_schema, select

OLD_KINDS = ("deploy", "evidence")  # of which each record of schema 1 said the version


@dataclass(frozen=True, slots=True)
class Released:
    """A release as the ledger knows it: its digest, version, and who released it in which record
    and when.

    `pins` is the SHA-256 of its pins; None for one that only records of schema 1 name: their
    version is nobody's word but the writer's. `authors` are the addresses of those who wrote what
    it has and the release `base` has not; None if nobody recorded that.
    """

    digest: str
    version: str
    pins: str | None
    n: int
    time: datetime
    actor: str
    base: str | None = None
    authors: tuple[str, ...] | None = None


def releases(records: Sequence[Record]) -> dict[str, Released]:
    """The releases that the ledger knows, by digest, in the order of their first record."""
    old = select(of_first_schema(records), *OLD_KINDS)
    return _released((*old, *select(records, "release")))


@derived_once
def released(records: Sequence[Record], digest: str) -> Released | None:
    """The release `digest` as the ledger knows it, if it does."""
    old = select(of_first_schema(records), *OLD_KINDS, release=digest)
    return _released((*old, *select(records, "release", release=digest))).get(digest)


def newest_release(records: Sequence[Record]) -> Released | None:
    """The last of the releases whose pins the ledger knows, None if there is none."""
    if of_first_schema(records):  # one that was named before it was released keeps its first place
        return next((one for one in reversed(releases(records).values()) if one.pins), None)
    last = next(select(records, "release", newest_first=True), None)
    return released(records, last.body["release"]) if last else None


def _released(naming: Iterable[Record]) -> dict[str, Released]:
    known: dict[str, Released] = {}
    for record in naming:
        body = record.body
        digest, before = body["release"], known.get(body["release"])
        if before is None or before.pins is None:
            authors = body.get("authors")
            known[digest] = Released(
                digest,
                body["version"],
                body.get("pins"),
                record.n,
                record.time,
                record.actor,
                base=body.get("base"),
                authors=tuple(authors) if authors is not None else None,
            )
    return known


def versions_of(records: Sequence[Record]) -> dict[str, str]:
    """The version of every release that the ledger knows, by digest."""
    return {digest: entry.version for digest, entry in releases(records).items()}


def version_of(records: Sequence[Record], digest: str) -> str | None:
    """The version that the ledger has for the release `digest`."""
    entry = released(records, digest)
    return entry.version if entry else None
