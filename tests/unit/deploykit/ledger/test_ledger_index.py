"""The cache of verified records: believed only as long as nobody else wrote to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from deploykit.ledger import Ledger, utc_now, view
from deploykit.ledger.bodies import decision_body
from deploykit.ledger.records import Record
from deploykit.ledger.rows import Rows
from deploykit.ledger.selection import select
from deploykit.site import Site
from deploykit.site.keys import Key
from ledgerbook import know, other_state, release

ONE = release(1)
HOLD = decision_body("hold", environment="test", reason="night")
VETO = decision_body("veto", release=ONE.digest, reason="no")


@pytest.fixture
def index(site: Site, ledger: Ledger) -> Path:
    """The index of a ledger with a release, a hold and a veto."""
    know(ledger, ONE)
    for body in (HOLD, VETO):
        ledger.append(lambda records, now, body=body: body)
    return next((site.state / "ledger").rglob("index.sqlite"))


def changed(index: Path, words: str) -> None:
    with sqlite3.connect(index) as base:
        base.execute(words)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were compared with the commits' trees, each time they were."""
    counts: list[int] = []
    real = Rows.batches

    def batches(rows: Rows) -> object:
        for batch in real(rows):
            counts.append(len(batch))
            yield batch

    monkeypatch.setattr(Rows, "batches", batches)
    return counts


def test_index_that_nobody_touched_is_not_read_as_a_whole(
    site: Site, index: Path, ann: Key, checks: list[int]
) -> None:
    for _ in range(2):
        assert len(Ledger.open(site, ann).known) == 4
    assert checks == []


@pytest.mark.parametrize(
    "words",
    [
        "UPDATE record SET kind = 'gate' WHERE n = 3",
        "UPDATE record SET topic = 'approve' WHERE n = 3",
        "UPDATE record SET environment = 'test', \"release\" = NULL WHERE n = 3",
        "UPDATE record SET text = replace(text, '\"veto\"', '\"hold\"') WHERE n = 3",
        "DELETE FROM record WHERE n = 3",
        "DELETE FROM record WHERE n = 2",
        "DROP INDEX by_topic",
    ],
)
def test_index_that_somebody_wrote_to_hides_nothing(
    site: Site, index: Path, ledger: Ledger, ann: Key, words: str
) -> None:
    """Not even from who has it open already."""
    changed(index, words)
    for opened in (Ledger.open(site, ann), ledger):
        opened.fetch_records()
        assert [entry.reason for entry in view.decisions(opened.known, "veto")] == ["no"]
        assert len(opened.known) == 4


def test_index_that_was_written_to_is_compared_once_and_not_verified_again(
    site: Site, index: Path, ann: Key, checks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(index, "CREATE TABLE mine (x)")
    monkeypatch.setattr("deploykit.ledger.store.verify", lambda *_: pytest.fail("verified"))
    for _ in range(2):
        assert len(Ledger.open(site, ann).known) == 4
    assert checks == [4]


def test_index_with_an_old_date_is_not_believed_for_it(site: Site, index: Path, ann: Key) -> None:
    before = index.stat()
    changed(index, "UPDATE record SET kind = 'gate' WHERE n = 3")
    os.utime(index, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert any(view.decisions(Ledger.open(site, ann).known, "veto"))


def test_index_of_another_ledger_is_not_believed(
    site: Site, index: Path, ledger: Ledger, ann: Key
) -> None:
    other = Ledger.open(other_state(site, "other"), ann)
    theirs = next((site.state.parent / "other").rglob("index.sqlite"))
    ledger.append(lambda records, now: HOLD)
    index.write_bytes(theirs.read_bytes())
    assert len(other.known) == 4 and Ledger.open(site, ann).known == ledger.fetch_records()


@pytest.mark.parametrize("harm", [Path.unlink, lambda index: index.write_bytes(b"no database")])
def test_index_that_goes_while_it_is_used_is_made_anew(
    site: Site, index: Path, ledger: Ledger, ann: Key, harm: Callable[[Path], object]
) -> None:
    harm(index)
    assert ledger.append(lambda records, now: HOLD).n == 4
    assert len(list(select(ledger.known, "decision"))) == 3
    assert Ledger.open(site, ann).known == ledger.known and index.is_file()


def test_records_of_before_are_read_on_while_others_verify_everything_anew(
    site: Site, index: Path, ledger: Ledger, ann: Key
) -> None:
    before = ledger.known
    Ledger.open(site, ann).reverify()
    assert [record.n for record in before] == [0, 1, 2, 3]
    assert any(select(before, "release", release=ONE.digest))


def test_disk_that_takes_no_index_leaves_a_ledger_that_works(
    site: Site, index: Path, ann: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Rows.add

    def full(rows: Rows, *more: list[Record]) -> None:
        if rows.file is not None:
            raise sqlite3.OperationalError("database or disk is full")
        real(rows, *more)

    monkeypatch.setattr(Rows, "add", full)
    opened = Ledger.open(site, ann)
    assert opened.append(lambda records, now: HOLD).n == 4
    assert len(opened.fetch_records()) == 5
    fresh = Ledger.open(other_state(site, "fresh"), ann)
    assert fresh.known == opened.known and fresh.append(lambda records, now: HOLD).n == 5
    assert not list((site.state.parent / "fresh").rglob("index.sqlite"))


def test_verification_that_was_interrupted_leaves_nothing_behind(
    site: Site, index: Path, ann: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = other_state(site, "fresh")

    def interrupted(rows: Rows, *more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Rows, "add", interrupted)
        Ledger.open(fresh, ann)
    assert len(Ledger.open(fresh, ann).known) == 4
    (folder,) = (path.parent for path in fresh.state.rglob("index.sqlite"))
    assert sorted(path.name for path in folder.iterdir()) == ["index.seal", "index.sqlite", "lock"]


def test_records_that_are_verified_again_are_not_told_as_late(
    site: Site, index: Path, ledger: Ledger, ann: Key
) -> None:
    """They were there at the last look, whatever became of the index."""
    later = utc_now() + timedelta(days=3)
    opened = Ledger.open(site, ann, clock=lambda: later)
    index.unlink()
    assert Ledger.open(site, ann, clock=lambda: later).late == ()
    assert opened.reverify() == ledger.known and opened.late == ()
