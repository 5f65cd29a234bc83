"""What people are told of the ledger's records: derived, the same whenever it is derived."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from deploykit.ledger.bodies import observation_body
from deploykit.ledger.rows import Rows
from deploykit.ledger.schema import Subject
from deploykit.notify import Event, Topic
from deploykit.notify.messages import messages_of
from deploykit.notify.occasions import left_unfinished, occasions, open_attempts, still_true
from deploykit.notify.prospects import prospects
from ledgerbook import Story, indexed, release, rule

ONE, TWO = release(1), release(2)
TRAIN = frozenset({"smoke", "upgrade"})


def line(**production: int) -> Story:
    """test, staging and production; the last one asks for smoke and what `production` says."""
    return Story.of(
        test=rule(),
        staging=rule("test"),
        production=rule("staging", smoke=(1, 1), **production),  # type: ignore[arg-type]
    )


def events(story: Story, first: int = 1) -> list[Event]:
    return list(occasions(story.records, first, TRAIN)[0])


def told(story: Story, first: int = 1) -> list[tuple[str, str]]:
    return [(event.topic, event.title) for event in events(story, first)]


def test_promotion_is_told_with_what_it_replaced_and_by_whom() -> None:
    story = line().deployed("test", ONE).deployed("test", TWO, purpose="promote", over=ONE.digest)
    *_, last = [event for event in events(story) if event.topic == Topic.PROMOTED]
    assert (last.environment, last.release) == ("test", TWO.version)
    assert last.title == f"test runs {TWO.version}"
    assert last.why == (f"promoted over {ONE.version} by ann@here",)
    assert last.key == story.records[-1].commit and last.n == story.records[-1].n


def test_deploying_once_more_what_runs_and_renewing_a_lease_tell_nothing() -> None:
    story = line().deployed("test", ONE)
    first = len(story.records)
    story.phase("started", "test", ONE, id="again").phase("renewed", "test", ONE, id="again")
    story.phase("finished", "test", ONE, id="again")
    assert told(story, first) == []


@pytest.mark.parametrize(
    ("nodes", "titles"),
    [({"db": 2, "web": 1}, [("drift", "test: drift on db (2), web (1)")]), ({}, [])],
)
def test_drift_that_was_seen_is_told_and_none_is_not(
    nodes: dict[str, int], titles: list[tuple[str, str]]
) -> None:
    story = line().deployed("test", ONE)
    first = len(story.records)
    seen = observation_body(
        Subject.DRIFT, environment="test", release=ONE.digest, seconds=2, nodes=nodes
    )
    assert told(story.tell(seen), first) == titles


def test_what_runs_again_after_a_failure_is_told() -> None:
    story = line().deployed("test", ONE).deployed("test", TWO, "failed", summary="sabotage on who1")
    first = len(story.records)
    story.deployed("test", ONE, id="back", purpose="rollback", over=ONE.digest)
    assert told(story, first) == [("promoted", f"test runs {ONE.version}")]


def test_failed_deploy_is_told_with_the_first_line_of_why_and_the_way_back() -> None:
    story = line().deployed("test", ONE, "failed", summary="alpha: sabotage on who1\nmore\nlines")
    (failed,) = events(story)
    assert failed.title == f"test: deploy of {ONE.version} failed"
    assert failed.why == ("alpha: sabotage on who1", "by ann@here")
    assert failed.remedies == ("deploy-kit history test", "deploy-kit rollback test")


def test_word_of_a_process_that_was_overtaken_is_not_told() -> None:
    story = line().phase("started", "test", ONE, id="first").wait(700)
    story.deployed("test", TWO, "failed", id="second")
    first = len(story.records)
    story.phase("failed", "test", ONE, id="first", summary="late")
    assert told(story, first) == []


def test_failed_check_is_told_and_the_refusal_that_follows_from_it_in_the_same_message() -> None:
    story = line().deployed("test", ONE).deployed("staging", ONE)
    story.found("smoke", ONE, "staging", "failed", summary="keystone: 503")
    both = [event for event in events(story) if event.n == story.records[-1].n]
    assert [(event.topic, event.title) for event in both] == [
        ("failed", f"staging: smoke of {ONE.version} failed"),
        ("refused", f"production refuses {ONE.version}"),
    ]
    assert "keystone: 503" in both[0].why and "smoke failed: 0 of 1" in both[1].why[0]
    assert f"deploy-kit waive {ONE.version} production smoke --reason TEXT" in both[1].remedies
    (message,) = messages_of("home", both)
    assert message.title == (
        f"[home] staging: smoke of {ONE.version} failed; production refuses {ONE.version}"
    )
    assert f"Record {story.records[-1].n} of the ledger of home" in message.text


def test_refusal_is_told_once_and_again_only_for_another_reason() -> None:
    story = line().deployed("test", ONE).deployed("staging", ONE)
    story.decided("hold", environment="production")
    story.found("upgrade", ONE, "staging").decided("hold", environment="test")
    story.decided("veto", ONE, "production", reason="bad")
    refused = [event for event in events(story) if event.topic == Topic.REFUSED]
    assert [event.environment for event in refused] == ["production", "production"]
    assert "ann@here vetoed" in refused[1].why[0]


def test_what_a_train_can_still_gather_is_no_refusal_and_waits_for_nobody() -> None:
    story = line(approvals=1).deployed("test", ONE).deployed("staging", ONE)
    assert not {Topic.REFUSED, Topic.WAITING} & {event.topic for event in events(story)}


def test_release_that_lacks_only_an_approval_waits_for_it_once() -> None:
    story = line(approvals=2, soak=3600).deployed("test", ONE).deployed("staging", ONE)
    story.found("smoke", ONE, "staging")
    found = events(story)
    assert [(event.topic, event.title) for event in found[-1:]] == [
        ("waiting", f"production: {ONE.version} waits for approval")
    ]
    assert found[-1].key == story.records[-1].commit
    assert f"deploy-kit approve {ONE.version} production" in found[-1].remedies
    first = len(story.records)
    story.decided("approve", ONE, "production", actor="bob@here")
    assert told(story, first) == [], "it waits for one more, as before"


def test_next_release_that_waits_is_told_although_the_one_before_waited_too() -> None:
    story = Story.of(test=rule(approvals=1), staging=rule("test")).release(ONE).release(TWO)
    waits = [event.release for event in events(story) if event.topic == Topic.WAITING]
    assert waits == [ONE.version, TWO.version]


def test_release_that_lacks_evidence_that_only_people_add_waits_for_it() -> None:
    story = Story.of(test=rule(), staging=rule("test", tempest=(1, 1))).deployed("test", ONE)
    assert told(story)[-1] == ("waiting", f"staging: {ONE.version} waits for evidence")


def test_hold_and_pin_are_told_when_they_begin_and_end() -> None:
    story = line().decided("hold", environment="production", reason="an incident")
    story.decided("unhold", environment="production")
    story.decided("pin", ONE, "staging").decided("unpin", environment="staging")
    holds = [event for event in events(story) if event.topic == Topic.HOLD]
    assert [event.title for event in holds] == [
        "production is on hold",
        "production is on hold no more",
        f"staging is pinned to {ONE.version}",
        "staging is pinned no more",
    ]
    assert holds[0].why == ("an incident", "by ann@here")
    assert holds[0].remedies == ("deploy-kit unhold production",)


def test_deploy_whose_lease_is_over_is_told_as_left_unfinished_until_somebody_goes_on() -> None:
    story = line().phase("started", "test", ONE, lease=300)
    begun = story.records[-1]
    assert list(left_unfinished(open_attempts(story.records), begun.time)) == []
    later = begun.time + timedelta(seconds=301)
    (left,) = left_unfinished(open_attempts(story.records), later)
    assert (left.topic, left.key, left.standing) == ("failed", f"{begun.commit}/unfinished", True)
    assert left.title == f"test: deploy of {ONE.version} was left unfinished"
    assert left.remedies[0] == f"deploy-kit deploy {ONE.version} test"
    story.phase("taken-over", "test", ONE)
    assert list(left_unfinished(open_attempts(story.records), later)) == []


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_events_are_the_same_however_many_records_are_looked_at_at_a_time(step: int) -> None:
    story = line(approvals=1)
    for n in (1, 2, 3):
        story.deployed("test", release(n)).phase("started", "staging", release(n))
        story.phase("renewed", "staging", release(n)).wait(700)
        story.phase("finished", "staging", release(n))
        story.found("smoke", release(n), "staging", "failed" if n == 2 else "passed")
        story.decided("hold" if n == 1 else "unhold", environment="production")
    whole = events(story)
    assert len(whole) > 10
    pieces: list[Event] = []
    for first in range(1, len(story.records), step):
        upto = story.records[: first + step]
        pieces += occasions(upto, first, TRAIN)[0]
    assert pieces == whole


def test_one_more_record_is_told_of_without_reading_the_ledger_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    real = Rows.ask

    def ask(rows: Rows, *words: Any, **more: Any) -> list[Any]:
        found = real(rows, *words, **more)
        read.append(len(found))
        return found

    counts = []
    for size in (30, 90):
        story = line(approvals=1)
        for n in range(1, size + 1):
            story.deployed("test", release(n)).found("smoke", release(n), "test")
            story.deployed("staging", release(n)).found("smoke", release(n), "staging")
        records = indexed(story.decided("hold", environment="production").records)
        with monkeypatch.context() as patch:
            patch.setattr(Rows, "ask", ask)
            read.clear()
            told_of, _ = occasions(records, len(records) - 1, TRAIN)
        assert len(told_of) > 0
        counts.append(sum(read))
    assert counts[1] < 1.2 * counts[0]


def test_refusals_and_waits_that_are_over_are_not_told_any_more() -> None:
    story = line(approvals=1).deployed("test", ONE).deployed("staging", ONE)
    story.found("smoke", ONE, "staging").decided("hold", environment="production")
    story.decided("unhold", environment="production")
    found = events(story)
    topics = [event.topic for event in still_true(found, prospects(story.records, TRAIN))]
    assert topics.count(Topic.WAITING) == 1, "of two waits for the same the last one"
    assert Topic.REFUSED not in topics and topics.count(Topic.HOLD) == 2
    story.decided("approve", ONE, "production", actor="bob@here")
    topics = [event.topic for event in still_true(found, prospects(story.records, TRAIN))]
    assert Topic.WAITING not in topics


def test_newest_release_is_refused_where_there_is_no_source() -> None:
    story = line().deployed("test", ONE).decided("veto", TWO, reason="a bad pin")
    assert told(story)[-1] == ("refused", f"test refuses {TWO.version}")


def test_text_of_others_is_one_line_and_moves_no_cursor() -> None:
    story = line().deployed("test", ONE, "failed", summary="a b")
    record = story.records[-1]
    hostile = {**record.body, "summary": "\x1b[2J\u202eevil\r\nBcc: all@example.org\nmore"}
    story.records[-1] = type(record)(
        record.n, record.time, record.actor, record.kind, hostile, record.commit
    )
    (event,) = events(story)
    (message,) = messages_of("home", [event])
    assert event.why[0] == "�[2J�evil"
    assert not {"\x1b", "\u202e", "\r"} & set(message.title + message.text)


def test_message_is_fit_for_print_whoever_derived_its_events() -> None:
    (event,) = events(line().decided("hold", environment="production"))
    hostile = "\x1b[2Jevil\u202e\x9b"
    odd = replace(event, title=hostile, why=(hostile,), remedies=(hostile,))
    (message,) = messages_of("home", [odd])
    assert not set("\x1b\u202e\x9b") & set(message.title + message.text)
