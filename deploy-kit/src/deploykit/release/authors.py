"""Who wrote a release: the addresses of the authors of what it has and the one before has not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.release.comparison import compare_pins
from deploykit.release.proof import pins_digest


@dataclass(frozen=True, slots=True)
class Base:
    """The release that another is compared with: its digest and its pins."""

    digest: str
    pins: Path


def are_asked_for(records: Sequence[Record]) -> bool:
    """Whether policy asks anywhere who wrote a release; only then it is worth whole histories."""
    policy = view.policy_in_force(records).values()
    return any("author" in rule.approvals.excluded for rule in policy)


def newest_base(records: Sequence[Record], known: Mapping[str, Path]) -> Base | None:
    """The newest release of the ledger whose very pins are here (`known`: by version); None if
    there is none."""
    for release in reversed(view.releases(records).values()):
        pins = known.get(release.version)
        if pins is not None and pins_digest(pins.read_bytes()) == release.pins:
            return Base(release.digest, pins)
    return None


def list_authors(
    base: Base | None, pins: Path, tokens: Mapping[str, str]
) -> tuple[str, ...] | None:
    """The addresses of the authors of every commit that the release `pins` has and `base` has not;
    with no base, of all. None if that cannot be known, as after a history was rewritten.

    Raises GitshelfError if a repository cannot be asked.
    """
    books = compare_pins(base.pins if base is not None else None, pins, tokens, whole=True)
    if not all(book.listed for book in books):
        return None
    return tuple(sorted({commit.address for book in books for commit in book.commits}))
