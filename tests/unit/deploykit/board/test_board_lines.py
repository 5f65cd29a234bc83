from __future__ import annotations

import io
import re
import socket
from datetime import timedelta

import pytest
from deploykit.base.console import PrintableConsole
from deploykit.board import board, shown, standings
from deploykit.board.as_json import board_json
from deploykit.board.terminal import print_board
from deploykit.care import Look, remember
from deploykit.ledger import utc_now
from deploykit.ledger.bodies import secrets_body
from deploykit.ledger.schema import SecretsEvent
from deploykit.ledger.view import versions_of
from deploykit.ledger.words import describe
from deploykit.site import Site
from deploykit.site.instance import Instance
from deploykit.site.promotion import Promotion
from ledgerbook import NOON, OWNER, Story, release, rule

ONE, TWO = release(1), release(2)
NAMES = ["test", "staging", "production"]


def line() -> Story:
    checks = {"smoke": (1, 1), "upgrade": (1, 1)}
    return Story.of(
        test=rule(), staging=rule("test", **checks), production=rule("staging", **checks)
    )


def test_board_tells_what_runs_what_is_next_and_every_reason() -> None:
    told = line().deployed("test", ONE).found("smoke", ONE, "test")
    told.deployed("staging", ONE).deployed("test", TWO).found("smoke", TWO, "test", "failed")
    test, staging, production = standings(NAMES, told.records, TWO, told.now)
    assert test.running is not None and test.running.version == TWO.version
    assert test.next is None and test.marks == (("smoke", "failed"),)
    assert staging.running is not None and staging.running.version == ONE.version
    assert staging.next is not None and staging.next.version == TWO.version
    codes = [reason.code for reason in staging.next.verdict.reasons]
    assert codes == ["check-failed", "evidence-missing"]
    assert production.running is None and production.next is not None
    assert production.next.version == ONE.version


def test_board_tells_whose_evidence_has_to_be_added_and_shows_it_then() -> None:
    told = Story.of(test=rule(), staging=rule("test", tempest=(1, 1))).deployed("test", ONE)
    (staging,) = standings(["staging"], told.records, ONE, told.now, {"smoke"})
    (json,) = board_json([staging])
    assert json["next"]["needed"] == []
    (reason,) = json["next"]["reasons"]
    assert reason["code"] == "evidence-to-add" and "add the results" in reason["text"]
    assert reason["remedy"] == "deploy-kit evidence add tempest test FILE"
    told.found("tempest", ONE, "test")
    test, staging = standings(["test", "staging"], told.records, ONE, told.now, {"smoke"})
    assert test.marks == (("tempest", "passed"),)
    assert staging.next is not None and staging.next.verdict.allowed


def test_board_tells_of_deploys_in_flight_failed_and_left() -> None:
    told = line().phase("started", "test", ONE, lease=60)
    assert standings(["test"], told.records, ONE, told.now)[0].busy
    told.wait(100)
    left = standings(["test"], told.records, ONE, told.now)[0]
    assert not left.busy and left.last is not None and left.last.open
    told.phase("failed", "test", ONE, summary="mariadb: no space left")
    (json,) = board_json(standings(["test"], told.records, ONE, told.now))
    assert json["last_deploy"]["phase"] == "failed"
    assert json["last_deploy"]["summary"] == "mariadb: no space left"
    assert json["release"] is None and json["next"]["allowed"] is True


def test_since_is_when_the_release_first_ran_there() -> None:
    told = line().deployed("test", ONE)
    first = told.records[-1].time
    told.wait(5000).deployed("test", ONE, id="again")
    (standing,) = standings(["test"], told.records, ONE, told.now)
    assert standing.running is not None and standing.running.since == first > NOON


def test_every_record_has_its_line() -> None:
    told = line().release(TWO).deployed("test", ONE, over=TWO.digest)
    told.found("upgrade", ONE, "staging", copy=True, over=TWO, summary="all\nwell")
    told.decided("waive", ONE, "staging", check="smoke", reason="because")
    told.decided("hold", environment="test", reason="night").decided("veto", ONE, reason="bad")
    lines = [describe(record, versions_of(tuple(told.records))) for record in told.records]
    assert lines == [
        "the ledger of trial begins",
        f"release 2026.47.2 is {TWO.digest[7:19]}",
        "release 2026.47.1 is 000000000000",
        "deploy of 2026.47.1 to test started, over 2026.47.2",
        "deploy of 2026.47.1 to test finished",
        "upgrade of 2026.47.1 over 2026.47.2 in a copy of staging passed (1 s): all",
        "waive smoke of 2026.47.1 for staging: because",
        "hold test: night",
        "veto 2026.47.1 for everywhere: bad",
    ]


def test_board_shows_the_line_and_what_was_ever_deployed_to() -> None:
    asked = {"dev": Promotion(), "lab": Promotion(), "test": Promotion(),
             "staging": Promotion("test")}  # fmt: skip
    told = Story.of(dev=rule(), lab=rule(), test=rule(), staging=rule("test"))
    assert shown(asked, told.records) == ["test", "staging"]
    told.deployed("lab", ONE)
    assert shown(asked, told.records) == ["lab", "test", "staging"]
    assert shown({"only": Promotion()}, Story.of(only=rule()).records) == ["only"]


def test_board_shows_what_is_in_force_where_nothing_waits_for_it() -> None:
    told = line().deployed("test", ONE)
    told.decided("hold", environment="production", reason="night")
    told.decided("pin", ONE, "staging").decided("veto", TWO, reason="bad")
    found = {one.environment: [reason.code for reason in one.in_force]
             for one in standings(NAMES, told.records, None, told.now)}  # fmt: skip
    assert found == {"test": ["veto"], "staging": ["pin", "veto"], "production": ["hold", "veto"]}
    told.decided("unhold", environment="production").decided("unpin", environment="staging")
    for name in NAMES:
        told.decided("approve", TWO, name)
    assert not any(one.in_force for one in standings(NAMES, told.records, None, told.now))


def test_release_that_failed_there_is_no_candidate_like_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: OWNER["host"])
    told = line().deployed("test", ONE)
    told.deployed("test", TWO, end="failed", summary="keystone_config on controller: no\nmore")
    (test,) = standings(["test"], told.records, TWO, told.now)
    assert test.failed is not None and test.failed.version == TWO.version
    (json,) = board_json([test])
    assert json["next"]["failed_there"] is True
    logs = site.logs / f"20261121T120000-deploy-{OWNER['pid']}"
    logs.mkdir(parents=True)
    (logs / "test-states.log").write_text("")
    said = shown_board(site, told)
    assert "may enter" not in said
    assert "failed there" in said and "keystone_config on controller: no more" in said
    assert str(logs / "test-states.log") in said
    # Another one may come, and one that went well since is no failure any more.
    (test,) = standings(["test"], told.records, release(3), told.now)
    assert test.failed is None
    told.deployed("test", TWO, id="again").deployed("test", ONE, id="back")
    assert standings(["test"], told.records, TWO, told.now)[0].failed is None


def test_evidence_tells_its_age(site: Site) -> None:
    told = line().deployed("test", ONE).found("smoke", ONE, "test")
    told.wait(3 * 3600)
    (test,) = standings(["test"], told.records, None, told.now)
    assert (told.now - test.marked["smoke"]).total_seconds() > 3 * 3600
    (json,) = board_json([test])
    assert json["evidence"] == {"smoke": "passed"}
    assert json["evidence_at"]["smoke"].startswith("2026-11-21T12:00")
    assert re.search(r"✓ smoke \d+[mhd]\b", shown_board(site, told))


def test_export_that_fits_no_more_is_told_with_its_age_and_the_command(site: Site) -> None:
    told = line().deployed("test", ONE)
    assert "Secrets" not in shown_board(site, told)
    told.tell(secrets_body("test", SecretsEvent.EXPORTED, "a" * 64))
    told.wait(2 * 3600)
    assert re.search(r"test: exported \d+[mhd] ago$", shown_board(site, told), re.MULTILINE)
    told.tell(secrets_body("test", SecretsEvent.ROTATED, "b" * 64))
    (test, prod) = standings(["test", "prod"], told.records, None, told.now)
    assert [
        one["secrets"] and one["secrets"]["export_fits"] for one in board_json([test, prod])
    ] == [
        False,
        None,
    ]
    said = shown_board(site, told)
    assert "no export since they were rotated 2026-11-21" in said
    assert "deploy-kit secrets export test" in said
    told.tell(secrets_body("test", SecretsEvent.RESTORED, "a" * 64))
    assert "no export since" not in shown_board(site, told)


def test_backup_that_is_too_old_is_late_as_far_as_this_machine_saw(site: Site) -> None:
    told = line().deployed("test", ONE)
    assert "Late" not in shown_board(site, told)
    seen = utc_now() - timedelta(days=3)
    remember(site, Instance("test"), Look(at=seen, backup=seen, stale=3600, ends=None))
    said = shown_board(site, told)
    assert re.search(r"^Late\n  test: backups of the database: the newest is 3d old", said, re.M)
    (test, *_) = board_json(board(site, told.records))
    assert "deploy-kit database list test" in test["late"][0]


def shown_board(site: Site, told: Story) -> str:
    """The board of `site` as a person sees it; TWO is what was cut last."""
    manifest = site.pins / f"{TWO.version}.yml"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text("books: []\n")
    kit = site.kits / TWO.version
    kit.mkdir(parents=True, exist_ok=True)
    (kit / "SHA256SUMS").write_text(f"{TWO.digest.removeprefix('sha256:')}  kit.tar\n")
    out = io.StringIO()
    print_board(site, told.records, PrintableConsole(file=out, width=200, markup=False))
    return out.getvalue()


def test_entry_against_policy_is_shown_as_long_as_it_runs() -> None:
    told = Story.of(test=rule(), prod=rule("test", smoke=(1, 1))).deployed("test", ONE)
    told.deployed("prod", ONE)
    line = standings(["prod"], told.records, ONE, told.now)
    assert [reason.code for reason in line[0].breach] == ["evidence-missing"]
    assert board_json(line)[0]["against_policy"] == ["evidence-missing"]
    told.deployed("test", TWO).found("smoke", TWO, "test").deployed("prod", TWO)
    assert standings(["prod"], told.records, TWO, told.now)[0].breach == ()
