"""Suites dealt over pods by what they took, and what is remembered of that."""

from __future__ import annotations

from pathlib import Path

from deploykit.pods.dealing import deal, record_seconds, recorded_seconds


def test_suites_of_which_nothing_is_known_go_round() -> None:
    assert deal(["a", "b", "c", "d", "e"], {}, 2) == [["a", "c", "e"], ["b", "d"]]


def test_longest_suite_has_a_pod_to_itself() -> None:
    took = {"a": 5.0, "b": 5.0, "c": 60.0, "d": 5.0}
    assert deal(["a", "b", "c", "d"], took, 2) == [["c"], ["a", "b", "d"]]


def test_unknown_suite_counts_as_an_average_one() -> None:
    assert deal(["new", "a", "b"], {"a": 10.0, "b": 20.0}, 2) == [["b"], ["new", "a"]]


def test_more_pods_than_suites_leave_some_idle() -> None:
    assert deal(["a"], {}, 3) == [["a"], [], []]


def test_seconds_that_were_recorded_are_known_beside_older_ones(tmp_path: Path) -> None:
    file = tmp_path / "state" / "seconds.json"
    assert recorded_seconds(file) == {}
    record_seconds(file, {"a": 1.0, "b": 2.0})
    record_seconds(file, {"a": 3.0})
    assert recorded_seconds(file) == {"a": 3.0, "b": 2.0}
    file.write_text("[1]")
    assert recorded_seconds(file) == {}
