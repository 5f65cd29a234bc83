from __future__ import annotations

from collections.abc import Sequence

from deploykit.gate.changes import Change
from deploykit.gate.rulings import rulings_of
from deploykit.ledger.bodies import gate_body
from deploykit.ledger.records import Record, parse, render
from ledgerbook import NOON

CHANGES = {"7": Change("7", "alpha", "main", "a" * 40, ask="m1")}


def records(*acts: tuple[str, str, str]) -> Sequence[Record]:
    """One record for each (act, commit, ask), written and read back."""
    bodies = (gate_body(act, change="7", commit=c * 40, ask=ask) for act, c, ask in acts)
    return [parse(render(n, NOON, "ann", body), n, "c" * 40) for n, body in enumerate(bodies, 1)]


def test_later_expedite_goes_before_an_earlier_one() -> None:
    found = rulings_of(records(("expedite", "a", "m1"), ("expedite", "a", "m1")), CHANGES)
    assert found["7"].expedited == 2


def test_ruling_on_another_patch_set_does_not_count() -> None:
    assert not rulings_of(records(("expedite", "b", "m1"), ("dequeue", "b", "m1")), CHANGES)


def test_dequeue_names_the_ask_that_it_ends() -> None:
    found = rulings_of(records(("dequeue", "a", "m1"), ("expedite", "a", "m2")), CHANGES)
    assert (found["7"].dequeued, found["7"].expedited) == ({"m1"}, 2)
