"""Flake rates of histories made by hand."""

from __future__ import annotations

from deploykit.figures.flakes import CheckHistory, check_histories
from deploykit.ledger import view
from ledgerbook import NOON, Named, Story, release, rule

ONE, TWO, THREE = release(1), release(2), release(3)


def histories(told: Story, since: int = 0) -> tuple[CheckHistory, ...]:
    start = told.records[since].time if since else NOON
    return check_histories(view.evidence(told.records), start).get("test", ())


def line() -> Story:
    return Story.of(test=rule())


def tried(told: Story, what: Named, *results: str, check: str = "smoke", **more: object) -> None:
    for result in results:
        told.found(check, what, "test", result, **more)


def test_check_that_failed_and_passed_on_the_same_content_is_flaky() -> None:
    told = line()
    tried(told, ONE, "failed", "passed")
    tried(told, TWO, "passed")
    tried(told, THREE, "failed", "failed")
    (smoke,) = histories(told)
    assert (smoke.attempts, smoke.failed) == (5, 3)
    assert (smoke.contents, smoke.repeated, smoke.flaky) == (3, 2, 1)
    assert smoke.flake_rate == 1 / 3


def test_same_release_over_another_is_another_content() -> None:
    told = line()
    tried(told, TWO, "failed", check="upgrade", over=ONE)
    tried(told, TWO, "passed", check="upgrade", over=THREE)
    (upgrade,) = histories(told)
    assert (upgrade.contents, upgrade.flaky) == (2, 0)


def test_what_was_not_applicable_was_not_tried() -> None:
    told = line()
    tried(told, ONE, "not-applicable", "passed")
    (smoke,) = histories(told)
    assert smoke.attempts == 1


def test_most_flaky_check_comes_first_and_its_attempts_in_their_order() -> None:
    told = line()
    tried(told, ONE, "passed", "passed", check="alpha")
    tried(told, ONE, "failed", "passed", check="omega")
    first, second = histories(told)
    assert (first.check, second.check) == ("omega", "alpha")
    assert [one.result for one in first.last] == ["failed", "passed"]
    assert first.last[0].record < first.last[1].record


def test_attempts_before_a_time_do_not_count() -> None:
    told = line()
    tried(told, ONE, "failed", "passed", "passed")
    (smoke,) = histories(told, since=len(told.records) - 1)
    assert (smoke.attempts, smoke.flaky) == (1, 0)
