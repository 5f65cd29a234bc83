"""A ledger in the site's own state is looked at by its file, and fetched if that tells of more."""

from __future__ import annotations

from collections.abc import Sequence

import forgery
import pytest
from deploykit.base import process
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body
from deploykit.site import Site
from deploykit.site.keys import Key

HOLD = decision_body("hold", environment="test", reason="night")


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The words of each program that is started."""
    started: list[Sequence[str]] = []
    start = process._start

    def noted(words: Sequence[str], *more: object, **named: object) -> object:
        started.append(words)
        return start(words, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(process, "_start", noted)
    return started


def test_own_ledger_that_nobody_wrote_to_is_read_without_a_program(
    ledger: Ledger, programs: list[Sequence[str]]
) -> None:
    held = ledger.append(lambda records, now: HOLD)
    programs.clear()
    assert ledger.fetch_records()[-1] == held
    assert programs == []


def test_own_ledger_that_another_process_wrote_to_is_fetched(
    site: Site, ledger: Ledger, ann: Key
) -> None:
    other = Ledger.open(site, ann)
    held = other.append(lambda records, now: HOLD)
    assert ledger.fetch_records()[-1] == held


def test_own_ledger_with_packed_refs_is_fetched(site: Site, ledger: Ledger, ann: Key) -> None:
    ledger.fetch_records()
    held = Ledger.open(site, ann).append(lambda records, now: HOLD)
    forgery.git(site.ledger, "pack-refs", "--all")
    assert ledger.fetch_records()[-1] == held
