from __future__ import annotations

from deploykit.board import board_json, shown, standings
from deploykit.ledger.view import versions_of
from deploykit.ledger.words import describe
from deploykit.site.promotion import Promotion
from ledgerbook import NOON, Story, release, rule

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
