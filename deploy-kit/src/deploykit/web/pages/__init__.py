"""What each page shows, as data: a dataclass per page, made from a snapshot by a pure function.

JSON and the templates have nothing else. Texts of others stand here as they are recorded; where
they are shown they are made printable (`web.rendering`). Times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from deploykit.ledger.records import Record
from deploykit.ledger.words import describe
from deploykit.policy import Reason
from deploykit.web.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Reading:
    """How new a page is: it shows the ledger as of `made`, when `record` was the last of the
    records (None: there is none). `trouble` says why it may be older, '' where it is not, and
    `remedy` what to do."""

    site: str
    made: datetime
    record: int | None
    trouble: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Why:
    """A reason against the entry of a release: a code for machines, a sentence, what to do."""

    code: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A record in one line."""

    record: int
    time: datetime
    by: str
    kind: str
    text: str


def reading_of(snapshot: Snapshot) -> Reading:
    """How new the pages of a snapshot are."""
    return Reading(
        site=snapshot.site,
        made=snapshot.made,
        record=snapshot.records[-1].n if snapshot.records else None,
        trouble=snapshot.trouble.text if snapshot.trouble else "",
        remedy=snapshot.trouble.remedy if snapshot.trouble else "",
    )


def reasons_why(reasons: Iterable[Reason]) -> tuple[Why, ...]:
    """Policy's reasons as pages show them."""
    return tuple(Why(reason.code, reason.text, reason.remedy) for reason in reasons)


def record_line(record: Record, versions: Mapping[str, str]) -> RecordLine:
    """A record in words; `versions` names releases by their digests."""
    text = describe(record, dict(versions))
    return RecordLine(record.n, record.time, record.actor, record.kind, text)
