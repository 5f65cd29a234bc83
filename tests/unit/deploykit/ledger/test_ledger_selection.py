"""What an index answers is what a walk along all records finds."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from deploykit.ledger import view
from deploykit.ledger.bodies import signers_body
from deploykit.ledger.continuity import Continuity
from deploykit.ledger.keeping import keeping
from deploykit.ledger.kit_signers import kit_signers_back
from deploykit.ledger.records import LedgerError, Record
from deploykit.ledger.rows import IndexedRecords, Rows
from deploykit.ledger.selection import Prolonged, has_commit, select
from deploykit.ledger.signers import first_at
from deploykit.policy import evaluate, evaluate_rollback
from deploykit.policy.replay import breaches
from deploykit.site.keys import ROLES, Signer
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgerbook import OWNER, Story, indexed, release, rule, text_of

PLACES = ("test", "staging")
PEOPLE = ("ann@here", "bob@there")
RELEASES = [release(n) for n in range(1, 4)]
OWNERS = (OWNER, {**OWNER, "pid": 8})
SIGNERS = tuple(Signer(name, f"ssh-ed25519 AAA{n}", ROLES) for n, name in enumerate(PEOPLE))


@st.composite
def stories(draw: st.DrawFn) -> list[Record]:
    """A ledger in which anybody may have done anything, in any order."""
    rules = {"test": rule(), "staging": rule("test", approvals=1, smoke=(1, 1), upgrade=(1, 1))}
    story = Story.of(**rules)
    story.tell(signers_body(SIGNERS))
    for one in RELEASES:
        story.release(one)
    for _ in range(draw(st.integers(0, 25))):
        what, place = draw(st.sampled_from(RELEASES)), draw(st.sampled_from(PLACES))
        actor = draw(st.sampled_from(PEOPLE))
        act = draw(st.sampled_from(["deploy", "deploy", "evidence", "decision", "stolen"]))
        if act == "deploy":
            story.phase(
                draw(st.sampled_from(["started", "renewed", "finished", "failed", "taken-over"])),
                place,
                what,
                id=draw(st.sampled_from(["d1", "d2"])),
                owner=draw(st.sampled_from(OWNERS)),
                purpose=draw(st.sampled_from(["deploy", "rollback"])),
            )
        elif act == "evidence":
            story.found(
                draw(st.sampled_from(["smoke", "upgrade"])),
                what,
                place,
                draw(st.sampled_from(["passed", "failed"])),
                over=draw(st.sampled_from([None, *RELEASES])),
                copy=draw(st.booleans()),
                edge=draw(st.sampled_from(PLACES)),
            )
        elif act == "decision":
            name = draw(st.sampled_from(["hold", "unhold", "pin", "unpin", "veto", "approve",
                                         "overrule", "waive", "end-lease"]))  # fmt: skip
            free = name in ("hold", "unhold", "unpin", "end-lease")
            where = None if name in ("veto", "overrule") and draw(st.booleans()) else place
            story.decided(name, None if free else what, where, actor, "smoke")
        else:
            since = draw(st.integers(0, len(story.records)))
            story.tell(signers_body(SIGNERS, [(actor, since)]))
    return story.records


@settings(max_examples=150)
@given(stories(), st.data())
def test_index_and_walk_give_the_same_answers(records: list[Record], data: st.DataObject) -> None:
    whole = indexed(records)
    length = data.draw(st.integers(1, len(records)))
    plain, looked = tuple(records[:length]), whole[:length]
    assert isinstance(looked, IndexedRecords) and looked == plain and list(looked) == list(plain)
    assert tuple(reversed(looked)) == plain[::-1] and looked[-1] == plain[-1]
    assert view.signers_in_force(looked) == view.signers_in_force(plain)
    assert view.policy_in_force(looked) == view.policy_in_force(plain)
    assert view.releases(looked) == view.releases(plain)
    assert view.compromises(looked) == view.compromises(plain)
    assert list(view.decisions(looked)) == list(view.decisions(plain))
    assert view.evidence(looked) == view.evidence(plain)
    assert breaches(looked) == breaches(plain)
    cut = [one for one in view.releases(plain).values() if one.pins]
    assert view.newest_release(looked) == view.newest_release(plain) == (cut[-1] if cut else None)
    now = plain[-1].time + timedelta(seconds=30)
    for place in PLACES:
        assert view.attempts(looked, place) == view.attempts(plain, place)
        assert view.running(looked, place) == view.running(plain, place)
        assert view.previous(looked, place) == view.previous(plain, place)
        assert view.in_flight(looked, place, now) == view.in_flight(plain, place, now)
        assert keeping(looked, place) == keeping(plain, place)
        for one in RELEASES:
            if view.released(plain, one.digest) is None:
                continue
            assert view.released(looked, one.digest) == view.released(plain, one.digest)
            assert evaluate(one, place, looked, now) == evaluate(one, place, plain, now)
            back = evaluate_rollback(one, place, plain, now)
            assert evaluate_rollback(one, place, looked, now) == back
            signers = kit_signers_back(plain, one.digest, place)
            assert kit_signers_back(looked, one.digest, place) == signers
    for record in records[length:]:
        problem = Continuity(plain).problem(record)
        assert Continuity(looked).problem(record) == problem
        assert has_commit(looked, record.commit) is False
    assert has_commit(looked, plain[0].commit)
    moment = plain[0].time + timedelta(seconds=data.draw(st.integers(0, length)))
    assert first_at(looked, moment) == first_at(plain, moment)
    assert first_at(plain, moment) == sum(record.time < moment for record in plain)


@settings(max_examples=60)
@given(stories(), st.data())
def test_what_was_known_of_a_part_leads_to_the_same_answers(
    records: list[Record], data: st.DataObject
) -> None:
    """Whether somebody goes on from there, or supposes that the rest had been said."""
    plain, known = tuple(records), data.draw(st.integers(1, len(records)))
    part, supposed = plain[:known], Prolonged(indexed(plain[:known]), plain[known:])
    assert list(supposed) == records and supposed[-1] == plain[-1]
    assert view.evidence(plain, first=known) == tuple(
        entry for entry in view.evidence(plain) if entry.n >= known
    )
    assert list(view.decisions(supposed)) == list(view.decisions(plain))
    assert list(select(supposed, "deploy", newest_first=True)) == list(
        select(plain, "deploy", newest_first=True)
    )
    assert has_commit(supposed, plain[0].commit) and has_commit(supposed, plain[-1].commit)
    length = data.draw(st.integers(0, len(records)))
    assert list(supposed[:length]) == records[:length]
    for place in PLACES:
        before = view.attempts(part, place)
        assert view.attempts(plain, place, before) == view.attempts(plain, place)
        assert view.attempts(supposed, place) == view.attempts(plain, place)


@settings(max_examples=60)
@given(stories())
def test_continuity_goes_on_from_records_as_along_them(records: list[Record]) -> None:
    """Wherever one begins: what stands against the next record is the same."""
    along = Continuity()
    for n, record in enumerate(records):
        problem = along.problem(record)
        assert Continuity(records[:n]).problem(record) == problem
        along.add(record)


def test_selection_reads_no_more_than_is_taken() -> None:
    story = Story.of(test=rule())
    for n in range(400):
        story.decided("hold", environment=PLACES[n % 2])
    records = indexed(story.records)
    rows = records._rows
    asked: list[int] = []
    real = rows.parse

    def parse(row: tuple[int, str, str]) -> Record:
        asked.append(row[0])
        return real(row)

    rows.parse = parse  # type: ignore[method-assign]
    holds = select(records, "decision", topics=("hold",), environments=("test",), newest_first=True)
    assert [next(holds).n for _ in range(3)] == [399, 397, 395] and len(asked) == 3


def test_row_that_is_damaged_while_it_is_used_is_told_with_what_to_do(tmp_path: Path) -> None:
    story = Story.of(test=rule()).decided("hold", environment="test")
    rows = Rows.new(tmp_path / "index.sqlite")
    rows.add(story.records, [text_of(record) for record in story.records])
    with sqlite3.connect(tmp_path / "index.sqlite") as base:
        base.execute("UPDATE record SET text = 'x' WHERE n = 1")
        base.execute("DELETE FROM record WHERE n = 0")
    records = rows.records()
    for n in (0, 1):
        with pytest.raises(LedgerError, match="damaged while it was in use") as error:
            records[n]
        assert "run this again" in error.value.remedy
    assert not (tmp_path / "index.sqlite").exists()
