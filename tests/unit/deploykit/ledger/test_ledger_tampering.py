"""Whoever can push to the branch `ledger` can stop it, but cannot make it lie."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import forgery
import pytest
from deploykit.ledger import Ledger, LedgerError, utc_now
from deploykit.ledger.bodies import decision_body, evidence_body, policy_body, signers_body
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import Record, render
from deploykit.site import Site
from deploykit.site.keys import Key
from ledgerbook import Keys, other_state, release, signer

HOLD = decision_body("hold", environment="test", reason="night")
UNHOLD = decision_body("unhold", environment="test")


def write(ledger: Ledger, body: Body) -> Record:
    return ledger.append(lambda records, now: body)


def refused(site: Site, key: Key, *said: str) -> None:
    """Whoever opens the ledger is told so, with a cache and anew, and nobody goes on from it."""
    for place in (site, other_state(site, "fresh")):
        opened = Ledger.open(place, key)
        with pytest.raises(LedgerError) as error:
            write(opened, HOLD)
        assert opened.fault is error.value
        for words in said:
            assert words in error.value.message


def test_forged_record_in_proper_form_by_the_right_key_is_accepted(
    site: Site, ledger: Ledger, ann: Key
) -> None:
    """The forger of these tests forges well: what is refused below is refused for its one fault."""
    forgery.record(site.ledger, HOLD, utc_now(), "ann@here", ann)
    assert HOLD.fields.items() <= ledger.fetch_records()[-1].body.items()


def test_record_changed_in_place_is_refused(site: Site, ledger: Ledger, ann: Key) -> None:
    write(ledger, HOLD)
    changed = render(1, utc_now(), "ann@here", UNHOLD)
    forgery.commit(site.ledger, {"records/0/1.json": changed}, utc_now(), ann)
    refused(site, ann, "record 2")


def test_record_without_signature_is_refused(site: Site, ledger: Ledger, ann: Key) -> None:
    forgery.record(site.ledger, HOLD, utc_now(), "ann@here", None)
    refused(site, ann, "record 1", "not signed")


def test_record_signed_by_an_unknown_key_is_refused(
    site: Site, ledger: Ledger, ann: Key, keys: Keys
) -> None:
    forgery.record(site.ledger, HOLD, utc_now(), "eve@there", keys("eve@there"))
    refused(site, ann, "record 1", "eve@there is not among the ledger's signers")


def test_record_in_anothers_name_is_refused(
    site: Site, ledger: Ledger, ann: Key, keys: Keys
) -> None:
    forgery.record(site.ledger, HOLD, utc_now(), "ann@here", keys("eve@there"))
    refused(site, ann, "record 1", "signature is not ann@here's")


def test_signature_of_another_namespace_is_refused(site: Site, ledger: Ledger, ann: Key) -> None:
    now = utc_now()
    text = render(1, now, "ann@here", HOLD)
    forgery.commit(site.ledger, {"records/0/1.json": text}, now, ann, namespace="gitshelf-kit")
    refused(site, ann, "record 1", "signature")


def test_commit_changed_after_signing_is_refused(site: Site, ledger: Ledger, ann: Key) -> None:
    forgery.record(site.ledger, HOLD, utc_now(), "ann@here", ann)
    text = forgery.git(site.ledger, "cat-file", "commit", forgery.BRANCH)
    forged = forgery.git(
        site.ledger,
        *("hash-object", "-t", "commit", "-w", "--stdin"),
        stdin=text.replace("forged", "changed") + "\n",
    )
    forgery.point(site.ledger, forged)
    refused(site, ann, "record 1", "signature")


@pytest.mark.parametrize(
    ("roles", "body"),
    [
        ("operator", policy_body({})),
        ("operator", decision_body("approve", environment="test", release=release(1).digest)),
        (
            "approver",
            decision_body(
                "waive", environment="test", release=release(1).digest, check="smoke", reason="x"
            ),
        ),
        (
            "approver",
            evidence_body(
                check="smoke",
                release=release(1).digest,
                over=None,
                environment="test",
                result="passed",
                attempt=1,
                seconds=1,
            ),
        ),
        ("release-manager", HOLD),
    ],
)
def test_signer_without_the_role_is_refused(
    site: Site, ledger: Ledger, ann: Key, keys: Keys, roles: str, body: Body
) -> None:
    bob = keys("bob@there")
    write(ledger, signers_body((signer(ann), signer(bob, roles))))
    with pytest.raises(LedgerError, match="no role"):
        write(Ledger.open(other_state(site, "bobs"), bob), body)
    forgery.record(site.ledger, body, utc_now(), "bob@there", bob)
    refused(site, ann, "record 2", "bob@there has no role")


def test_signers_changed_by_no_admin_are_refused(
    site: Site, ledger: Ledger, ann: Key, keys: Keys
) -> None:
    bob = keys("bob@there")
    write(ledger, signers_body((signer(ann), signer(bob, "operator", "approver"))))
    forgery.record(site.ledger, signers_body((signer(bob),)), utc_now(), "bob@there", bob)
    refused(site, ann, "record 2", "no role that may write 'signers'")


def test_distrusted_signer_keeps_the_past_and_loses_the_future(
    site: Site, ledger: Ledger, ann: Key, keys: Keys
) -> None:
    bob = keys("bob@there")
    write(ledger, signers_body((signer(ann), signer(bob))))
    write(Ledger.open(other_state(site, "bobs"), bob), HOLD)
    write(ledger, signers_body((signer(ann),)))
    assert len(Ledger.open(other_state(site, "fresh"), ann).known) == 4
    with pytest.raises(LedgerError, match="does not know the key"):
        write(Ledger.open(other_state(site, "bobs"), bob), UNHOLD)
    forgery.record(site.ledger, UNHOLD, utc_now(), "bob@there", bob)
    refused(site, ann, "record 4", "bob@there is not among")


def test_time_running_backwards_is_refused(site: Site, ledger: Ledger, ann: Key) -> None:
    before = ledger.known[-1].time - timedelta(seconds=1)
    forgery.record(site.ledger, HOLD, before, "ann@here", ann)
    refused(site, ann, "record 1", "time runs backwards")


def test_commit_of_another_time_than_its_record_is_refused(
    site: Site, ledger: Ledger, ann: Key
) -> None:
    now = utc_now()
    text = render(1, now, "ann@here", HOLD)
    later = f"{int(now.timestamp()) + 1} +0000"
    forgery.commit(site.ledger, {"records/0/1.json": text}, now, ann, stamp=later)
    refused(site, ann, "record 1", "another time")


@pytest.mark.parametrize(
    "files", [{"README": "hello"}, {"records/0/7.json": "{}"}, {"records/0/0.json": "{}"}]
)
def test_commit_with_another_file_is_refused(
    site: Site, ledger: Ledger, ann: Key, files: dict[str, str]
) -> None:
    now = utc_now()
    text = render(1, now, "ann@here", HOLD)
    forgery.commit(site.ledger, {"records/0/1.json": text, **files}, now, ann)
    refused(site, ann, "record 1", "add one file and no other")


def test_record_that_is_executable_or_a_link_is_refused(
    site: Site, ledger: Ledger, ann: Key
) -> None:
    now, start = utc_now(), forgery.tip(site.ledger)
    text = render(1, now, "ann@here", HOLD)
    for mode in ("100755", "120000"):
        forgery.point(site.ledger, start)
        forgery.commit(site.ledger, {"records/0/1.json": text}, now, ann, mode=mode)
        refused(site, ann, "record 1")


def test_number_left_out_is_refused(site: Site, ledger: Ledger, ann: Key) -> None:
    now = utc_now()
    text = render(2, now, "ann@here", HOLD)
    forgery.commit(site.ledger, {"records/0/2.json": text}, now, ann)
    refused(site, ann, "record 1", "number 2")


def test_merge_is_refused(site: Site, ledger: Ledger, ann: Key) -> None:
    start, now = forgery.tip(site.ledger), utc_now()
    text = render(1, now, "ann@here", HOLD)
    side = forgery.commit(site.ledger, {"records/0/1.json": text}, now, ann)
    forgery.point(site.ledger, start)
    forgery.commit(site.ledger, {"records/0/1.json": text}, now, ann, parents=(start, side))
    refused(site, ann)


def test_history_cut_short_is_refused_where_it_was_seen(
    site: Site, ledger: Ledger, ann: Key
) -> None:
    start = forgery.tip(site.ledger)
    write(ledger, HOLD)
    forgery.point(site.ledger, start)
    with pytest.raises(LedgerError, match="rewritten"):
        Ledger.open(site, ann)
    with pytest.raises(LedgerError, match="rewritten"):
        ledger.fetch_records()
    with pytest.raises(LedgerError, match="rewritten"):
        write(ledger, UNHOLD)


@pytest.mark.parametrize("index_kept", [True, False])
def test_history_rewritten_by_an_admin_is_refused_where_it_was_seen(
    site: Site, ledger: Ledger, ann: Key, index_kept: bool
) -> None:
    start = forgery.tip(site.ledger)
    write(ledger, HOLD)
    if not index_kept:
        for file in (site.state / "ledger").rglob("index.sqlite"):
            file.unlink()
    forgery.point(site.ledger, start)
    forgery.record(site.ledger, UNHOLD, utc_now(), "ann@here", ann)
    with pytest.raises(LedgerError, match="rewritten"):
        Ledger.open(site, ann)


def test_another_genesis_is_refused_where_the_first_was_seen(
    site: Site, ledger: Ledger, ann: Key, keys: Keys
) -> None:
    eve = keys("eve@there")
    elsewhere = replace(other_state(site, "eves"), ledger=str(site.state.parent / "eve.git"))
    forgery.git(site.state.parent / "eve.git", "init", "-q", "--bare")
    Ledger.open(elsewhere, eve)
    genesis = forgery.git(site.ledger, "fetch", "-q", elsewhere.ledger, forgery.BRANCH)
    genesis = forgery.tip(elsewhere.ledger)
    forgery.point(site.ledger, genesis)
    with pytest.raises(LedgerError, match=r"rewritten|another ledger"):
        Ledger.open(site, ann)
    for file in (site.state / "ledger").rglob("index.sqlite"):
        file.unlink()
    with pytest.raises(LedgerError, match="another ledger"):
        Ledger.open(site, ann)


def test_branch_that_is_gone_is_not_begun_anew(site: Site, ledger: Ledger, ann: Key) -> None:
    forgery.git(site.ledger, "update-ref", "-d", forgery.BRANCH)
    with pytest.raises(LedgerError, match="is gone"):
        Ledger.open(site, ann)


def _drop(site: Site) -> None:
    next((site.state / "ledger").rglob("index.sqlite")).unlink()


def _garble(site: Site) -> None:
    next((site.state / "ledger").rglob("index.sqlite")).write_bytes(b"no database at all")


def _lose_a_row(site: Site) -> None:
    with sqlite3.connect(next((site.state / "ledger").rglob("index.sqlite"))) as base:
        base.execute("DELETE FROM record WHERE n = 1")


@pytest.mark.parametrize("harm", [_drop, _garble, _lose_a_row])
def test_lost_or_damaged_index_is_made_anew(
    site: Site, ledger: Ledger, ann: Key, harm: Callable[[Site], None]
) -> None:
    write(ledger, HOLD)
    write(ledger, UNHOLD)
    before = tuple(ledger.known)
    harm(site)
    opened = Ledger.open(site, ann)
    assert opened.known == before
    assert write(opened, HOLD).n == 3
    assert ledger.fetch_records() == opened.known
