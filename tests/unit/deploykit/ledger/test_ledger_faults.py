"""What does not verify ends nothing: reading goes on with what does, and an admin cuts it off."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import forgery
import pytest
from deploykit.base.errors import Refused
from deploykit.ledger import Ledger, LedgerError, repository, utc_now, view
from deploykit.ledger.bodies import decision_body, deploy_body, signers_body
from deploykit.ledger.hook import install
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import path_of, render
from deploykit.site import Site
from deploykit.site.keys import Key
from ledgerbook import OWNER, Keys, know, other_state, release, signer

HOLD = decision_body("hold", environment="test", reason="night")
UNHOLD = decision_body("unhold", environment="test")
ONE = release(1)


def write(ledger: Ledger, body: Body) -> None:
    ledger.append(lambda records, now: body)


def junk(site: Site, key: Key) -> None:
    """A commit of somebody with push rights and no key."""
    forgery.commit(site.ledger, {"README": "hello"}, utc_now(), None)


def future(site: Site, key: Key) -> None:
    """A record by a machine whose clock is wrong."""
    forgery.record(site.ledger, UNHOLD, utc_now() + timedelta(days=26331), "ann@here", key)


def long_lease(site: Site, key: Key) -> None:
    """A deploy that means to hold test for a hundred years."""
    now = utc_now()
    body = deploy_body(
        id="d1",
        phase="started",
        environment="test",
        release=ONE.digest,
        over=None,
        purpose="deploy",
        owner=OWNER,
        lease_until=now + timedelta(days=36500),
    )
    forgery.record(site.ledger, body, now, "ann@here", key)


@pytest.mark.parametrize("spoil", [junk, future, long_lease])
def test_reading_goes_on_writing_waits_and_an_admin_mends(
    site: Site, ledger: Ledger, ann: Key, spoil: Callable[[Site, Key], None]
) -> None:
    know(ledger, ONE)
    write(ledger, HOLD)
    good = ledger.known
    spoil(site, ann)
    spoilt = forgery.tip(site.ledger)
    for place in (site, other_state(site, "fresh")):
        opened = Ledger.open(place, ann)
        assert opened.known == good and opened.fault is not None
        with pytest.raises(LedgerError, match="record 3 of the ledger"):
            write(opened, UNHOLD)
        with pytest.raises(LedgerError, match="record 3 of the ledger"):
            opened.reverify()
    # The remote takes no forced push; mending needs none.
    mended = Ledger.open(site, ann).mend("a laptop")
    assert (
        mended.body["cut"] == spoilt
        and forgery.git(site.ledger, "merge-base", "--is-ancestor", spoilt, "ledger") == ""
    )
    for place in (site, other_state(site, "known"), other_state(site, "fresher")):
        opened = Ledger.open(place, ann)
        assert opened.fault is None and opened.known == (*good, mended)
    write(ledger, UNHOLD)
    assert ledger.known[:-1] == (*good, mended)
    assert ledger.reverify() == ledger.known


def test_nothing_is_mended_where_all_is_well_or_by_others(
    site: Site, ledger: Ledger, ann: Key, keys: Keys
) -> None:
    with pytest.raises(Refused, match="nothing to cut off"):
        ledger.mend()
    bob = keys("bob@there")
    write(ledger, signers_body((signer(ann), signer(bob, "operator", "approver"))))
    junk(site, ann)
    with pytest.raises(LedgerError, match="no role that may write 'mend'"):
        Ledger.open(other_state(site, "bobs"), bob).mend()


def test_mend_that_cuts_off_records_that_verify_is_refused(
    site: Site, ledger: Ledger, ann: Key, keys: Keys
) -> None:
    """Without being an admin nobody takes a record away by a merge."""
    bob = keys("bob@there")
    write(ledger, signers_body((signer(ann), signer(bob, "operator"))))
    good = forgery.tip(site.ledger)
    write(ledger, HOLD)
    held = forgery.tip(site.ledger)
    now = utc_now()
    text = render(2, now, "bob@there", decision_body("unhold", environment="test"))
    forgery.commit(site.ledger, {path_of(2, text): text}, now, bob, parents=(good, held))
    opened = Ledger.open(site, ann)
    assert opened.fault is not None and "record 3 of the ledger" in opened.fault.message
    assert opened.known[-1].body["decision"] == "hold"


def test_client_with_a_slow_clock_is_told_about_its_clock(site: Site, ann: Key) -> None:
    now = utc_now()
    write(Ledger.open(site, ann, clock=lambda: now), HOLD)
    slow = Ledger.open(other_state(site, "slow"), ann, clock=lambda: now - timedelta(minutes=4))
    assert slow.fault is None
    slower = other_state(site, "slower")
    with pytest.raises(LedgerError, match="this machine's clock says"):
        Ledger.open(slower, ann, clock=lambda: now - timedelta(days=9000))


def test_lease_is_ended_by_an_admin_and_the_next_deploy_begins(site: Site, ledger: Ledger) -> None:
    from deploykit.train.lease import begin

    know(ledger, ONE, release(2))
    lease = begin(ledger, ONE, "test", "deploy")
    with pytest.raises(Refused, match="has been deploying"):
        begin(ledger, release(2), "test", "deploy")
    write(ledger, decision_body("end-lease", environment="test", reason="its machine burnt"))
    assert view.in_flight(ledger.known, "test", utc_now()) is None
    begin(ledger, release(2), "test", "deploy")
    with pytest.raises(Refused, match="taken over"):
        lease.finish()


@pytest.mark.parametrize("spoil", [junk, future, long_lease])
def test_hook_keeps_junk_out_and_lets_records_in(
    site: Site, ledger: Ledger, ann: Key, tmp_path: Path, spoil: Callable[[Site, Key], None]
) -> None:
    know(ledger, ONE)
    install(Path(site.ledger))
    write(ledger, HOLD)
    before = forgery.tip(site.ledger)
    elsewhere = tmp_path / "elsewhere.git"
    forgery.git(elsewhere, "init", "-q", "--bare")
    forgery.git(elsewhere, "fetch", "-q", site.ledger, f"{forgery.BRANCH}:{forgery.BRANCH}")
    spoil(_at(site, elsewhere), ann)
    words = ["git", f"--git-dir={elsewhere}", "push", site.ledger, forgery.BRANCH]
    refused = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode != 0 and "refused: record 3" in refused.stderr
    forgery.git(elsewhere, "update-ref", forgery.BRANCH, f"{before}~1")
    forced = subprocess.run([*words, "--force"], capture_output=True, text=True, timeout=60)
    assert forced.returncode != 0
    assert forgery.tip(site.ledger) == before
    write(ledger, UNHOLD)
    assert len(ledger.known) == 4


def _at(site: Site, ledger: Path) -> Site:
    from dataclasses import replace

    return replace(site, ledger=str(ledger))


def test_push_of_what_is_no_ledger_does_not_fill_the_disk_of_who_reads(
    site: Site, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MOST_FETCHED", 2**20)
    git = ["git", f"--git-dir={site.ledger}"]

    def asked(*words: str, given: bytes = b"") -> str:
        done = subprocess.run(
            [*git, *words], input=given, check=True, capture_output=True, timeout=60
        )
        return done.stdout.decode().strip()

    blob = asked("hash-object", "-w", "--stdin", given=os.urandom(3 * 2**20))
    tree = asked("mktree", given=f"100644 blob {blob}\tbig\n".encode())
    who = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", "GIT_COMMITTER_NAME": "x"}
    for name, value in {**who, "GIT_COMMITTER_EMAIL": "x"}.items():
        monkeypatch.setenv(name, value)
    good = asked("rev-parse", "refs/heads/ledger")
    asked("update-ref", "refs/heads/ledger", asked("commit-tree", tree, "-p", good, "-m", "x"))
    for _ in range(2):
        with pytest.raises(LedgerError, match="cannot fetch the ledger"):
            ledger.fetch_records()
    (clone,) = (site.state / "ledger").glob("*.git")
    assert not list(clone.glob("objects/*/tmp_*"))
    asked("update-ref", "refs/heads/ledger", good)
    assert len(ledger.fetch_records()) == 1
