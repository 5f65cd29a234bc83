"""Which suites are due, in which order, and what still fits: pure, without a node or a clock."""

from __future__ import annotations

from collections.abc import Callable

from deploykit.affected import Affected, Touched
from deploykit.affected.passes import Record
from deploykit.affected.plan import START, TEARDOWN, Due, allowed, due, next_call, together
from deploykit.affected.suites import Suite

A, B = "a" * 40, "b" * 40


def suite(name: str, minutes: float = 10) -> Suite:
    return Suite(name, name, minutes)


def since(**suites: dict[str, bool]) -> Callable[[str], Affected | None]:
    """What changed since the commits a and b; what is not named is gone."""
    known = {letter * 40: Affected(Touched(), found) for letter, found in suites.items()}
    return known.get


def waiting(*named: tuple[str, float]) -> list[Due]:
    return [Due(suite(name), "", seconds, False) for name, seconds in named]


def names(found: list[Due]) -> list[str]:
    return [one.suite.name for one in found]


def test_without_records_all_are_due_in_the_order_of_the_table() -> None:
    found = due([suite("x"), suite("y")], {}, since())
    assert names(found) == ["x", "y"]
    assert found[0].why == "it never passed here"
    assert found[0].seconds == 600


def test_suite_is_due_only_if_what_it_hangs_on_changed_since_it_passed() -> None:
    records = {"x": Record(passed=(A,)), "y": Record(passed=(A,))}
    found = due([suite("x"), suite("y")], records, since(a={"y": False}))
    assert names(found) == ["y"]
    assert "what it stands on changed since aaaaaaaaaaaa" in found[0].why


def test_ten_commits_owe_what_all_ten_touch() -> None:
    """What counts is the whole difference since the pass, not the last commit."""
    asked: list[str] = []

    def whole(commit: str) -> Affected:
        asked.append(commit)
        return Affected(Touched(), {"x": True})

    assert names(due([suite("x")], {"x": Record(passed=(A,))}, whole)) == ["x"]
    assert asked == [A]


def test_one_pass_that_still_speaks_is_enough() -> None:
    records = {"x": Record(passed=(A, B))}
    assert due([suite("x")], records, since(a={}, b={"x": True})) == []


def test_pass_at_a_commit_that_is_gone_is_none() -> None:
    assert names(due([suite("x")], {"x": Record(passed=(A,))}, since())) == ["x"]
    records = {"x": Record(passed=(A, B))}
    assert due([suite("x")], records, since(a={})) == [], "the other one still speaks"


def test_own_subject_and_the_failed_come_first_then_who_waited_longest() -> None:
    suites = [suite(name) for name in ("old", "never", "young", "own", "failed")]
    records = {
        "old": Record((A,), (), "2026-01-01", "passed"),
        "young": Record((A,), (), "2026-03-01", "passed"),
        "own": Record((A,), (), "2026-04-01", "passed"),
        "failed": Record((A,), (), "2026-04-01", "failed"),
    }
    changed = {name: name == "own" for name in records}
    found = due(suites, records, since(a=changed))
    assert names(found) == ["own", "failed", "never", "old", "young"]


def test_without_records_what_the_last_commit_is_about_comes_first() -> None:
    last = {"HEAD~1": Affected(Touched(), {"y": True, "x": False})}
    assert names(due([suite("x"), suite("y")], {}, last.get)) == ["y", "x"]


def test_expected_time_is_the_longest_of_the_recorded_runs() -> None:
    records = {"x": Record(seconds=(50.0, 70.0, 60.0))}
    assert due([suite("x")], records, since())[0].seconds == 70


def test_what_does_not_fit_is_passed_over_for_what_does() -> None:
    found = waiting(("long", 2000), ("short", 100))
    assert names(next_call(found, 600)) == ["short"]
    assert names(next_call(found, 3000)) == ["long"]
    assert next_call(found, 100) == [], "the call itself takes its time, too"
    assert next_call([], 3000) == []


def test_suites_of_the_kitchen_share_a_call_two_at_a_time() -> None:
    found = waiting(("kitchen/a", 100), ("kitchen/b", 100), ("region", 100), ("kitchen/c", 100))
    assert names(next_call(found, 1000)) == ["kitchen/a", "kitchen/b"]
    assert together(found[:2]) == START + 100
    assert names(next_call(found, START + 101)) == ["kitchen/a", "kitchen/b"]
    assert names(next_call(waiting(*((f"kitchen/{n}", 10) for n in range(9))), 1000)) == [
        f"kitchen/{n}" for n in range(6)
    ]


def test_longest_suite_of_a_call_decides_how_long_it_takes() -> None:
    assert together(waiting(("kitchen/a", 500), ("kitchen/b", 10))) == START + 500


def test_call_must_end_so_early_that_nodes_go_within_the_limit() -> None:
    assert allowed(1000, 5400) == 5400 - 1000 - TEARDOWN
    assert allowed(6000, 5400) == 0
