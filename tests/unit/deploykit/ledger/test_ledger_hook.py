"""The hook of the ledger's remote: it verifies every push, and what was there before only once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import forgery
import pytest
from deploykit.ledger import Ledger, LedgerError
from deploykit.ledger.bodies import decision_body
from deploykit.ledger.commits import Batch
from deploykit.ledger.hook import check_push, remember
from deploykit.ledger.index import Memory
from deploykit.ledger.repository import Clone
from deploykit.site import Site
from deploykit.site.keys import Key
from ledgerbook import Keys

HOLD = decision_body("hold", environment="test", reason="night")
NOTHING = "0" * 40


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commits the hook read, each time."""
    counts: list[int] = []
    real = Clone.read

    def counted(clone: Clone, commits: Sequence[str], first: int) -> Iterator[Batch]:
        counts.append(len(commits))
        return real(clone, commits, first)

    monkeypatch.setattr(Clone, "read", counted)
    return counts


def pushes(ledger: Ledger, count: int) -> list[str]:
    """What git tells the hook of so many pushes of one record each."""
    lines = []
    for _ in range(count):
        old = ledger.known[-1].commit
        new = ledger.append(lambda records, now: HOLD).commit
        lines.append(f"{old} {new} {forgery.BRANCH}")
    return lines


def test_push_costs_the_hook_what_is_new_and_the_push_before(
    site: Site, ledger: Ledger, read: list[int]
) -> None:
    lines = pushes(ledger, 4)
    read.clear()
    for line in lines:
        check_push(Path(site.ledger), [line])
    assert read == [2, 2, 2, 2]


def test_ledger_that_is_there_is_remembered_before_the_first_push(
    site: Site, ledger: Ledger, read: list[int]
) -> None:
    pushes(ledger, 4)
    read.clear()
    remember(Path(site.ledger))
    (line,) = pushes(ledger, 1)
    read.clear()
    check_push(Path(site.ledger), [line])
    assert read == [1]


def test_refused_push_is_not_remembered(
    site: Site, ledger: Ledger, ann: Key, keys: Keys, read: list[int]
) -> None:
    pushes(ledger, 2)
    good = ledger.known[-1].commit
    for key in (keys("eve@there"), ann):
        remember(Path(site.ledger))
        forgery.point(site.ledger, good)
        bad = forgery.record(site.ledger, HOLD, ledger.known[-1].time, "ann@here", key)
        line = f"{good} {bad} {forgery.BRANCH}"
        if key == ann:
            check_push(Path(site.ledger), [line])
            continue
        for _ in range(2):
            with pytest.raises(LedgerError, match="signature is not ann@here's"):
                check_push(Path(site.ledger), [line])


def test_ledger_that_begins_is_verified_too(site: Site, ledger: Ledger, read: list[int]) -> None:
    check_push(Path(site.ledger), [f"{NOTHING} {ledger.known[0].commit} {forgery.BRANCH}"])
    assert read == [1]


def test_who_may_not_write_beside_the_repository_verifies_all(
    site: Site, ledger: Ledger, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = pushes(ledger, 3)

    def denied(memory: Memory) -> None:
        raise PermissionError(13, "Permission denied", str(memory.folder))

    monkeypatch.setattr(Memory, "locked", denied)
    read.clear()
    for line in lines:
        check_push(Path(site.ledger), [line])
    assert read == [2, 3, 4]
