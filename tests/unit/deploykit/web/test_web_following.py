"""The ledger followed: what is new is seen, what is in the way is told, and nobody waits."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.waiting import wait_until
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body
from deploykit.site import Site
from deploykit.web.following import PAUSE_MOST, Following
from deploykit.web.kept import Kept
from deploykit.web.pages.records import record_page
from deploykit.web.sources import sources_of
from ledgerbook import Named, know, other_state, release

ONE = release(1)
SOON = 20.0  # seconds that a busy machine may take


def hold(ledger: Ledger) -> None:
    body = decision_body("hold", environment="production", reason="night")
    ledger.append(lambda records, now: body)


def test_record_of_somebody_else_is_seen(site: Site, ledger: Ledger) -> None:
    theirs = other_state(site, "theirs")
    know(ledger, ONE)
    looked = Ledger.open(theirs)
    with Following(theirs, looked, every=0.05) as following:
        before = following.snapshot
        hold(ledger)
        assert wait_until(lambda: following.snapshot is not before, SOON)
        production = following.snapshot.lines[2]
        assert [reason.code for reason in production.in_force] == ["hold"]


def test_nothing_new_makes_no_new_snapshot(site: Site, ledger: Ledger) -> None:
    following = Following(site, ledger)
    before, read = following.snapshot, following.read
    following.look()
    assert following.snapshot is before and following.read >= read


def test_snapshot_is_made_anew_when_it_is_old(
    site: Site, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploykit.web.following.FRESH", 0.0)
    following = Following(site, ledger)
    before = following.snapshot
    assert wait_until(lambda: following.look() or following.snapshot is not before, SOON)
    assert following.snapshot.records == before.records


def test_ledger_that_is_gone_is_told_and_asked_less_often(site: Site, ledger: Ledger) -> None:
    know(ledger, ONE)
    following = Following(site, ledger, every=1.0)
    read = following.read
    remote, away = Path(site.ledger), Path(f"{site.ledger}.away")
    remote.rename(away)
    remote.mkdir()
    for _ in range(9):
        assert wait_until(lambda: following.look() or following.snapshot.trouble, SOON)
    trouble = following.snapshot.trouble
    assert trouble is not None and "the ledger" in trouble.text
    assert following.snapshot.versions == {ONE.digest: ONE.version}
    assert following.read == read
    assert following.pause == PAUSE_MOST
    remote.rmdir()
    away.rename(remote)
    assert wait_until(lambda: following.look() or not following.snapshot.trouble, SOON)
    assert following.pause == 1.0


def test_files_of_the_site_that_cannot_be_read_leave_what_was_seen(
    site: Site, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = Following(site, ledger)
    before = following.snapshot

    def broken(*_: object) -> None:
        raise InputError("site.yml:3: nonsense", "mend it")

    monkeypatch.setattr("deploykit.web.snapshot.board", broken)
    know(ledger, ONE)
    assert wait_until(lambda: following.look() or following.snapshot is not before, SOON)
    trouble = following.snapshot.trouble
    assert trouble is not None and trouble.text == "site.yml:3: nonsense"
    assert following.snapshot.lines == before.lines and following.snapshot.tag != before.tag


def test_following_that_breaks_ends_the_server_and_says_why(
    site: Site, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    following = Following(site, ledger, every=0.01, ended=ended.set)

    def broken() -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(following, "look", broken)
    with pytest.raises(KeyError, match="a bug"), following:
        ended.wait(SOON)
    assert ended.is_set()


def test_proof_of_a_record_is_that_of_its_commit(site: Site, ledger: Ledger) -> None:
    know(ledger, Named(ONE.digest, ONE.version))
    following = Following(site, ledger)
    sources = sources_of(site, ledger, following)
    record = following.snapshot.records[1]
    proof = record_page(following.snapshot, 1, sources.commit(record)).proof
    assert proof.commit == record.commit and proof.parents == (
        following.snapshot.records[0].commit,
    )
    assert proof.principal == "ann@here" and "operator" in proof.roles
    assert ONE.version in proof.text and proof.signature.startswith("-----BEGIN SSH SIGNATURE")
    first = record_page(following.snapshot, 0, sources.commit(following.snapshot.records[0]))
    assert first.proof.parents == () and first.proof.key == proof.key
    assert (first.before, first.after) == (None, 1)


def test_site_with_a_gate_has_its_report(site: Site, ledger: Ledger) -> None:
    following = Following(site, ledger)
    assert sources_of(site, ledger, following).report is None
    (site.folder / "gate.yml").write_text("")
    report = sources_of(site, ledger, following).report
    assert report is not None and report() is None, "it never ran"


def test_slow_answer_is_waited_for_by_nobody_and_asked_once_at_a_time() -> None:
    go, asked = threading.Event(), []

    def ask() -> int:
        asked.append(1)
        assert go.wait(SOON)
        return len(asked)

    kept = Kept(ask, 3600.0)
    assert [kept.latest().value for _ in range(5)] == [None] * 5
    go.set()
    assert wait_until(lambda: kept.latest().at is not None, SOON)
    assert kept.latest().value == 1 and asked == [1], "it is not old yet"


def test_answer_that_fails_leaves_the_last_one_and_says_why() -> None:
    answers: list[list[int] | DeployKitError] = [[7], DeployKitError("LXD is away", "start it")]

    def ask() -> list[int]:
        answer = answers.pop(0) if answers else DeployKitError("LXD is away", "start it")
        if isinstance(answer, DeployKitError):
            raise answer
        return answer

    kept = Kept(ask, 0.0)
    assert wait_until(lambda: kept.latest().trouble is not None, SOON)
    answer = kept.latest()
    assert answer.value == [7] and answer.at is not None
    assert answer.trouble is not None and answer.trouble.text == "LXD is away"
