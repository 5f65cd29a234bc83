"""Records in words, one line each."""

from __future__ import annotations

from deploykit.base.printable import one_line
from deploykit.ledger.kinds import KINDS
from deploykit.ledger.records import Record


def short(digest: str | None) -> str:
    """The beginning of a digest, enough to name a release by."""
    return digest.removeprefix("sha256:")[:12] if digest else "nothing"


def describe(record: Record, versions: dict[str, str] | None = None) -> str:
    """What a record says, in one line; `versions` maps digests to the versions to show."""
    named = versions or {}
    return one_line(
        KINDS[record.kind].words(record.body, lambda digest: named.get(digest or "", short(digest)))
    )
