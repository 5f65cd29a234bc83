"""What people decided of changes in review, from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deploykit.gate.changes import Change, Ruling
from deploykit.ledger import Record
from deploykit.ledger.selection import select
from deploykit.ledger.view import compromises


def rulings_of(records: Sequence[Record], changes: Mapping[str, Change]) -> dict[str, Ruling]:
    """The rulings on `changes` as they are now.

    Each counts for the patch set that it names; one that took a change out, for the ask it names.
    """
    compromised = compromises(records)
    rulings: dict[str, Ruling] = {}
    for record in select(records, "gate"):
        body = record.body
        if any(compromise.covers(record.n, record.actor) for compromise in compromised):
            continue
        change = changes.get(body["change"])
        if change is None or change.commit != body["commit"]:
            continue
        old = rulings.get(change.id, Ruling())
        if body["act"] == "expedite":
            rulings[change.id] = Ruling(record.n, old.dequeued)
        else:
            rulings[change.id] = Ruling(old.expedited, old.dequeued | {body["ask"]})
    return rulings
