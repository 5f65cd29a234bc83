"""A checkout changes nothing: which ledger counts is remembered outside of it."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import forgery
import pytest
from deploykit.base.console import PrintableConsole
from deploykit.base.errors import InputError
from deploykit.board import terminal
from deploykit.board.terminal import print_board
from deploykit.doctor import check_ledger
from deploykit.host.finding import Level
from deploykit.ledger import Ledger, LedgerError, utc_now
from deploykit.ledger.bodies import decision_body
from deploykit.ledger.remote import accept_ledger
from deploykit.ledger.trust import AT_LEAST
from deploykit.site import Site, open_site
from deploykit.site.keys import Key
from ledgerbook import Call, other_state

HOLD = decision_body("hold", environment="test", reason="night")


@pytest.fixture
def own(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of a site whose state is where site.yml puts it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    return site.folder


def begin(folder: Path, key: Key) -> Ledger:
    ledger = Ledger.open(open_site(folder), key)
    ledger.append(lambda records, now: HOLD)
    return ledger


@pytest.mark.parametrize(
    "line", ["name: trial\nledger: ../other.git", "name: trial2", "name: trial\nledger: /nowhere"]
)
def test_other_ledger_or_name_in_the_checkout_is_refused(own: Path, ann: Key, line: str) -> None:
    begin(own, ann)
    shutil.copytree(open_site(own).ledger, own.parent / "other.git")
    forgery.point(own.parent / "other.git", f"{forgery.tip(own.parent / 'other.git')}~1")
    (own / "site.yml").write_text(f"{line}\n")
    with pytest.raises(LedgerError, match=r"site\.yml: the (ledger|site's name) is") as error:
        Ledger.open(open_site(own), ann)
    assert "deploy-kit ledger accept" in error.value.remedy


def test_admin_who_names_the_genesis_accepts_another_ledger(own: Path, ann: Key) -> None:
    genesis = begin(own, ann).known[0].commit
    moved = own.parent / "moved.git"
    shutil.copytree(open_site(own).ledger, moved)
    (own / "site.yml").write_text(f"name: trial\nledger: {moved}\n")
    with pytest.raises(LedgerError, match="not with aaaaaaaaaaaa"):
        accept_ledger(open_site(own), "a" * 40)
    with pytest.raises(LedgerError):
        Ledger.open(open_site(own), ann)
    accept_ledger(open_site(own), genesis)
    assert len(Ledger.open(open_site(own), ann).known) == 2


def test_fresh_machine_believes_no_ledger_without_its_genesis(
    site: Site, ledger: Ledger, ann: Key
) -> None:
    fresh = replace(other_state(site, "fresh"), genesis=None)
    with pytest.raises(LedgerError, match="names no genesis") as error:
        Ledger.open(fresh, ann)
    assert ledger.known[0].commit in error.value.remedy
    with pytest.raises(LedgerError, match="another ledger than this site trusts"):
        Ledger.open(replace(fresh, genesis="b" * 40), ann)
    assert Ledger.open(replace(fresh, genesis=ledger.known[0].commit), ann).known == ledger.known


def test_genesis_stands_in_site_yml(own: Path, ann: Key) -> None:
    genesis = begin(own, ann).known[0].commit
    remote = open_site(own).ledger
    (own / "site.yml").write_text(f"name: trial\nledger: {{url: {remote}, genesis: {genesis}}}\n")
    assert open_site(own).genesis == genesis
    assert len(Ledger.open(open_site(own), ann).known) == 2
    other = genesis.replace(genesis[0], "f" if genesis[0] != "f" else "e")
    (own / "site.yml").write_text(f"name: trial\nledger: {{url: {remote}, genesis: {other}}}\n")
    with pytest.raises(LedgerError, match="began with"):
        Ledger.open(open_site(own), ann)
    (own / "site.yml").write_text(f"name: trial\nledger: {{url: {remote}}}\n")
    with pytest.raises(InputError, match=r"site\.yml:2: ledger: 'genesis' is missing"):
        open_site(own)


def test_ledger_of_another_site_is_refused(site: Site, ledger: Ledger, ann: Key) -> None:
    with pytest.raises(LedgerError, match="that of the site 'trial', not of 'elsewhere'"):
        Ledger.open(replace(other_state(site, "fresh"), name="elsewhere"), ann)


def test_fresh_machine_can_be_told_a_commit_that_must_be_there(
    site: Site, ledger: Ledger, ann: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = ledger.append(lambda records, now: HOLD).commit
    monkeypatch.setenv(AT_LEAST, held)
    assert len(Ledger.open(other_state(site, "told"), ann).known) == 2
    # Somebody who may push, and holds no key, takes the hold away.
    forgery.point(site.ledger, ledger.known[0].commit)
    with pytest.raises(LedgerError, match="does not contain the commit"):
        Ledger.open(other_state(site, "fresh"), ann)
    monkeypatch.setenv(AT_LEAST, "HEAD")
    with pytest.raises(InputError, match="is no commit"):
        Ledger.open(other_state(site, "fresher"), ann)


def test_pin_of_the_first_format_still_counts(site: Site, ledger: Ledger, ann: Key) -> None:
    genesis, tip = ledger.known[0].commit, ledger.append(lambda records, now: HOLD).commit
    site.trust.unlink()
    (old,) = (site.state / "ledger").glob("*/index.sqlite")
    (old.parent / "trust.json").write_text(json.dumps({"genesis": genesis, "tip": tip}))
    forgery.point(site.ledger, genesis)
    with pytest.raises(LedgerError, match="was rewritten"):
        Ledger.open(site, ann)
    forgery.point(site.ledger, tip)
    assert len(Ledger.open(site, ann).known) == 2


def test_row_that_was_changed_in_the_index_is_not_believed(
    site: Site, ledger: Ledger, ann: Key
) -> None:
    ledger.append(lambda records, now: HOLD)
    (index,) = (site.state / "ledger").rglob("index.sqlite")
    with sqlite3.connect(index) as base:
        base.execute("UPDATE record SET text = replace(text, 'night', 'never') WHERE n = 1")
    assert Ledger.open(site, ann).known[1].body["reason"] == "night"


@pytest.mark.parametrize("denied", [True, False])
def test_doctor_tries_whether_the_remote_can_be_rewritten(
    site: Site, ledger: Ledger, denied: bool
) -> None:
    forgery.git(site.ledger, "config", "receive.denyNonFastForwards", str(denied).lower())
    forgery.git(site.ledger, "config", "receive.denyDeletes", str(denied).lower())
    before = forgery.tip(site.ledger)
    for _ in range(2):
        (finding,) = check_ledger(other_state(site, "desk"))
        assert finding.level is (Level.OK if denied else Level.WARNING)
    assert forgery.tip(site.ledger) == before
    branches = forgery.git(site.ledger, "for-each-ref", "--format=%(refname)").split()
    assert len(branches) == 1 + denied
    assert check_ledger(site) == []  # its own, which is made so


def test_record_dated_before_the_last_look_is_named(site: Site, ledger: Ledger, ann: Key) -> None:
    """Soak by backdating: written now, dated before this machine last looked and saw nothing."""
    start = ledger.known[-1].time
    Ledger.open(site, ann, clock=lambda: start + timedelta(days=3))
    forgery.record(site.ledger, HOLD, start + timedelta(minutes=1), "ann@here", ann)
    late = Ledger.open(site, ann, clock=lambda: start + timedelta(days=3, minutes=1))
    assert late.fault is None and late.late == (1,)
    assert Ledger.open(other_state(site, "fresh"), ann).late == ()


def test_sick_ledger_by_the_command_line(
    checkout_with_site: Any, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/operate.md, "When the ledger is sick": warned, mended, accepted."""
    site = checkout_with_site.site
    call("hold", "test", "--reason", "night")
    forgery.commit(site.ledger, {"README": "hello"}, utc_now(), None)
    code, out, err = call("status")
    assert code == 0 and "test is on hold" in out
    assert "warning: record 2 of the ledger" in err and "deploy-kit ledger mend" in err
    assert call("unhold", "test")[0] == 1
    code, out, _ = call("ledger", "mend")
    assert code == 1 and "Cut off everything after record 1?" in out  # nobody answers
    assert call("ledger", "mend", "--yes")[1] == "record 2: 1 commit is cut off\n"
    assert call("unhold", "test")[0] == 0
    assert call("ledger", "end-lease", "test", "--reason", "x", "--yes")[0] == 1
    file = site.folder / "site.yml"
    file.write_text(file.read_text().replace(f"name: {site.name}", "name: other"))
    code, _, err = call("status")
    assert code == 1 and "the site's name is other now" in err
    assert call("ledger", "accept", "a" * 40, "--yes")[0] == 1
    assert "verifies every push" in call("ledger", "hook", site.ledger)[1]


def test_state_of_before_that_a_mirror_shows_is_seen_by_its_age_and_takes_no_record(
    site: Site, ledger: Ledger, ann: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that it shows verifies: who never saw more can tell it by its age, and by a push."""
    mirror = tmp_path / "mirror.git"
    shutil.copytree(site.ledger, mirror)
    reached = tmp_path / "reached"
    reached.write_text(f'[url "{site.ledger}"]\n\tpushInsteadOf = {mirror}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(reached))
    elsewhere = replace(other_state(site, "elsewhere"), ledger=str(mirror))
    held = ledger.append(lambda records, now: HOLD)
    stale = Ledger.open(elsewhere, ann)
    assert held not in stale.known
    with pytest.raises(LedgerError, match="cannot push to the ledger"):
        stale.append(lambda records, now: HOLD)
    assert ledger.fetch_records()[-1] == held
    out = io.StringIO()
    monkeypatch.setattr(terminal, "utc_now", lambda: utc_now() + timedelta(days=3, hours=1))
    print_board(elsewhere, stale.known, PrintableConsole(file=out))
    assert "night" not in out.getvalue()
    assert out.getvalue().endswith("Newest record: 0, 3d ago\n")
    # Who has seen more knows it for an old one.
    shutil.rmtree(site.ledger)
    shutil.copytree(mirror, site.ledger)
    with pytest.raises(LedgerError, match="was rewritten"):
        ledger.fetch_records()
