"""Waiting honours its deadline; times and folders are said in one way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from deploykit.base import homes, times, waiting
from deploykit.base.process import last_line
from hypothesis import given
from hypothesis import strategies as st


class Clock:
    """Time that passes by sleeping and by asking only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(waiting.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(waiting.time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@given(
    seconds=st.floats(0, 1000),
    pause=st.floats(0.01, 50),
    takes=st.floats(0, 50),
    ready=st.floats(0, 2000),
)
def test_wait_ends_at_the_answer_or_with_the_first_one_after_the_deadline(
    seconds: float, pause: float, takes: float, ready: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock(patch)
        begins: list[float] = []

        def ask() -> bool:
            begins.append(clock.now - 100.0)
            clock.now += takes
            return begins[-1] >= ready

        if seconds / max(pause + takes, 1e-9) > 5000:
            return
        found = waiting.wait_until(ask, seconds, pause=pause)
        assert found == (begins[-1] >= ready)
        assert begins[-1] <= seconds + 1e-6 or len(begins) == 1
        if not found:
            assert clock.now - 100.0 >= seconds - 1e-6
            assert ready > seconds - takes - pause - 1e-6


def test_answer_itself_is_returned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert waiting.wait_until(lambda: "here", 10) == "here"
    assert clock.now == 100.0


def test_last_answer_is_returned_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert waiting.wait_until(lambda: "", 5, pause=2) == ""
    assert clock.now == 105.0


def test_error_of_the_question_goes_through() -> None:
    with pytest.raises(KeyError):
        waiting.wait_until(lambda: {}["nothing"], 5)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1)))
def test_time_comes_back_from_its_text(time: datetime) -> None:
    whole = time.replace(microsecond=0)
    assert times.parse(times.iso(time)) == whole


@pytest.mark.parametrize(
    "text", ["2026-1-02T03:04:05Z", "2026-01-02T03:04:05+00:00", "2026-01-02", "", None, 5]
)
def test_time_in_another_form_is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        times.parse(text)


def test_time_of_another_zone_is_told_in_utc() -> None:
    east = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    assert times.iso(east) == "2026-01-02T01:04:05Z"
    assert times.human(east) == "2026-01-02 01:04:05"


@pytest.mark.parametrize("value", [None, "", "relative/folder"])
def test_xdg_variable_without_an_absolute_path_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str | None
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert homes.state_home() == tmp_path / ".local" / "state" / "deploy-kit"
    assert homes.cache_home() == tmp_path / ".cache" / "deploy-kit"


def test_xdg_variables_name_the_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert homes.state_home() == tmp_path / "state" / "deploy-kit"
    assert homes.cache_home() == tmp_path / "cache" / "deploy-kit"


@pytest.mark.parametrize(
    ("text", "last"), [("a\nb\n\n \n", "b"), ("", ""), ("\n", ""), (" x", "x")]
)
def test_last_line_is_the_last_that_says_something(text: str, last: str) -> None:
    assert last_line(text) == last
