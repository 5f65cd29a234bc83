"""What pages say, as data: where a release is, why it is not further, and what to do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from deploykit.base import times
from deploykit.gate.report import Report
from deploykit.web.pages.environments import environment_page
from deploykit.web.pages.places import State
from deploykit.web.pages.queue import queue_page
from deploykit.web.pages.records import RECORDS, records_page
from deploykit.web.pages.releases import ReleasePage, release_page, releases_page
from deploykit.web.pages.train import train_page
from deploykit.web.snapshot import Snapshot
from ledgerbook import Named, Story, release, rule
from webpages import RUNNABLE, snapshot_of

ONE, TWO, THREE = release(1), release(2), release(3)
NAMES = ("test", "staging", "production")


def line(**more: int) -> Story:
    checks = {"smoke": (1, 1)}
    return Story.of(
        test=rule(), staging=rule("test", **checks), production=rule("staging", **more, **checks)
    )


def seen(told: Story, newest: Named | None = None) -> Snapshot:
    return snapshot_of(told.records, NAMES, newest, told.now)


def page_of(told: Story, what: Named) -> ReleasePage:
    found = release_page(seen(told), what.version, RUNNABLE)
    assert found is not None
    return found


def states(page: ReleasePage) -> list[State]:
    return [place.state for place in page.line.places]


def test_answer_is_what_holds_a_release_up_first_on_its_way() -> None:
    told = line().deployed("test", ONE).found("smoke", ONE, "test", "failed", summary="503")
    page = page_of(told, ONE)
    assert states(page) == [State.RUNS, State.WAITS, State.WAITS]
    assert page.answer is not None and not page.answer.arrived
    assert page.answer.environment == "production"
    assert page.answer.text == f"{ONE.version} waits before staging"
    assert [why.code for why in page.answer.why] == ["check-failed"]
    assert "503" in page.answer.why[0].text and "deploy-kit waive" in page.answer.why[0].remedy


def test_release_that_may_enter_says_by_which_command() -> None:
    told = line().deployed("test", ONE).found("smoke", ONE, "test")
    answer = page_of(told, ONE).answer
    assert answer is not None and answer.why == ()
    assert answer.commands == (f"deploy-kit promote {ONE.version} staging",)


def test_release_that_waits_for_its_soak_says_until_when() -> None:
    told = line(soak=3600).deployed("test", ONE).found("smoke", ONE, "test")
    told.deployed("staging", ONE).found("smoke", ONE, "staging")
    answer = page_of(told, ONE).answer
    assert answer is not None and [why.code for why in answer.why] == ["soak"]
    until = told.records[-2].time + timedelta(hours=1)
    assert f"until {times.iso(until)}" in answer.why[0].text


def test_release_that_arrived_says_since_when() -> None:
    told = line().deployed("test", ONE).found("smoke", ONE, "test").deployed("staging", ONE)
    told.found("smoke", ONE, "staging").deployed("production", ONE)
    page = page_of(told, ONE)
    assert states(page) == [State.RUNS] * 3
    assert page.answer is not None and page.answer.arrived
    assert page.answer.text.startswith(f"{ONE.version} runs in production since 2026-11-21T12:0")


def test_release_that_another_replaced_says_from_when_to_when_it_ran() -> None:
    told = line().deployed("production", ONE).wait(60).deployed("production", TWO)
    place = page_of(told, ONE).line.places[2]
    assert place.state == State.RAN and place.since is not None and place.until is not None
    assert 60 <= (place.until - place.since).total_seconds() < 70


def test_release_that_came_back_runs_since_it_did() -> None:
    told = line().deployed("test", ONE).deployed("test", TWO).wait(60)
    told.deployed("test", ONE, id="back", purpose="rollback")
    assert states(page_of(told, ONE))[0] == State.RUNS
    assert page_of(told, ONE).line.places[0].since == told.records[-1].time
    assert page_of(told, TWO).line.places[0].until == told.records[-1].time


def test_older_release_is_passed_over_by_what_runs() -> None:
    told = line().release(ONE).deployed("test", TWO)
    page = page_of(told, ONE)
    assert states(page) == [State.PASSED_OVER, State.WAITS, State.WAITS]
    told.deployed("production", TWO)
    answer = page_of(told, ONE).answer
    assert answer is not None and not answer.arrived
    assert answer.text == f"production runs {TWO.version}, which was cut after {ONE.version}"


def test_release_that_failed_says_how_and_keeps_its_reasons() -> None:
    told = line().deployed("test", ONE).deployed("staging", ONE, end="failed", summary="no space")
    page = page_of(told, ONE)
    place = page.line.places[1]
    assert (place.state, place.summary) == (State.FAILED, "no space")
    assert [why.code for why in place.why] == ["evidence-missing"]
    assert page.answer is not None and page.answer.text.endswith(": no space")


def test_deploy_under_way_and_one_that_was_left_are_told_apart() -> None:
    told = line().phase("started", "test", ONE, lease=60)
    assert states(page_of(told, ONE))[0] == State.DEPLOYING
    told.wait(100)
    assert states(page_of(told, ONE))[0] == State.UNFINISHED


def test_release_is_found_by_its_version_or_the_beginning_of_its_digest() -> None:
    told = line().release(ONE)
    assert release_page(seen(told), ONE.digest, RUNNABLE) is not None
    assert release_page(seen(told), ONE.digest[7:27], RUNNABLE) is not None
    assert release_page(seen(told), ONE.digest[7:11], RUNNABLE) is None
    assert release_page(seen(told), "2026.1.1", RUNNABLE) is None


def test_train_tells_what_waits_and_why_and_what_may_enter() -> None:
    told = line().deployed("test", ONE).found("smoke", ONE, "test").deployed("staging", ONE)
    told.deployed("test", TWO).found("smoke", TWO, "test")
    test, staging, production = train_page(seen(told, TWO)).environments
    assert test.next is None and test.runs is not None and test.runs.version == TWO.version
    assert staging.next is not None and staging.next.state == "may-enter"
    assert staging.next.command == f"deploy-kit promote {TWO.version} staging"
    assert production.next is not None and production.next.state == "waits"
    assert [why.code for why in production.next.why] == ["evidence-missing"]


def test_train_tells_of_holds_that_nothing_waits_for() -> None:
    told = line().decided("hold", environment="production", reason="night")
    production = train_page(seen(told)).environments[2]
    assert [why.remedy for why in production.in_force] == ["deploy-kit unhold production"]


def test_renewed_leases_are_no_news() -> None:
    told = line().phase("started", "test", ONE)
    for _ in range(20):
        told.phase("renewed", "test", ONE)
    texts = [one.text for one in train_page(seen(told)).latest]
    assert len(texts) == 3 and "started" in texts[0]


def test_environment_shows_its_deploys_the_newest_first_page_by_page(snapshot: Snapshot) -> None:
    page = environment_page(snapshot, "production")
    assert page is not None and page.in_all == len(page.deploys) == 13
    assert page.deploys[0].began > page.deploys[1].began
    rest = environment_page(snapshot, "production", 10)
    assert rest is not None and rest.deploys == page.deploys[10:]
    assert environment_page(snapshot, "nowhere") is None


def test_environment_shows_its_checks_with_their_flake_rates(snapshot: Snapshot) -> None:
    page = environment_page(snapshot, "staging")
    assert page is not None
    upgrade = page.checks[0]
    assert (upgrade.check, upgrade.flaky) == ("upgrade", 3)


@pytest.mark.parametrize("first", [0, 7, RECORDS, 200, 10**6])
def test_records_are_listed_the_newest_first(snapshot: Snapshot, first: int) -> None:
    page = records_page(snapshot, first)
    numbers = [one.record for one in page.records]
    wanted = list(range(len(snapshot.records)))[::-1][first : first + RECORDS]
    assert numbers == wanted


def test_releases_are_listed_the_newest_first(snapshot: Snapshot) -> None:
    page = releases_page(snapshot, 1)
    assert page.releases[0].record < snapshot.released[list(snapshot.released)[-1]].n
    assert len(page.releases) == page.in_all - 1


def test_queue_that_was_not_heard_of_for_minutes_is_silent(snapshot: Snapshot) -> None:
    report = Report(snapshot.made, [])
    assert not queue_page(snapshot, report, snapshot.made + timedelta(minutes=2)).silent
    assert queue_page(snapshot, report, snapshot.made + timedelta(minutes=4)).silent
    assert queue_page(snapshot, None, snapshot.made).as_of is None


def test_snapshot_without_environments_has_a_page() -> None:
    empty = snapshot_of(Story.of().records, (), None, Story().now)
    assert train_page(empty).environments == () and train_page(empty).delivery is None
