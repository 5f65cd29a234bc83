"""What the ledger tells of an environment's secrets: the newest export, and whether it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deploykit.ledger.records import Record
from deploykit.ledger.schema import SecretsEvent
from deploykit.ledger.selection import select


@dataclass(frozen=True, slots=True)
class Keeping:
    """`exported` is when the newest export was made, None if none is on record; `event` and `at`
    are the last that happened to the secrets, and when. `fits`: an export of the very values that
    were there after it was made at some time."""

    exported: datetime | None
    event: SecretsEvent
    at: datetime
    fits: bool


def keeping(records: Sequence[Record], environment: str) -> Keeping | None:
    """How the secrets of `environment` are kept; None where no record tells of them."""
    told = list(select(records, "secrets", environments=(environment,)))
    if not told:
        return None
    exports = [r for r in told if r.body["event"] == SecretsEvent.EXPORTED]
    last = told[-1]
    return Keeping(
        exported=exports[-1].time if exports else None,
        event=SecretsEvent(last.body["event"]),
        at=last.time,
        fits=any(one.body["fingerprint"] == last.body["fingerprint"] for one in exports),
    )
