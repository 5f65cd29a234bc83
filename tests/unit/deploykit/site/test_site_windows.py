"""Windows of time that come again: rules, zones, clocks that change, and where they end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from deploykit.site.windows import Closure, Window, WindowKind, change_after, closure, problem_of
from hypothesis import given
from hypothesis import strategies as st

FRIDAYS = Window(
    WindowKind.DENY, "2026-01-02T15:00:00", 9 * 3600, "Europe/Berlin",
    "FREQ=WEEKLY;BYDAY=FR", reason="nobody is here",
)  # fmt: skip
CHRISTMAS = Window(
    WindowKind.DENY, "2026-12-20T00:00:00", 15 * 86400, "Europe/Berlin", reason="Christmas"
)
OFFICE = Window(
    WindowKind.ALLOW, "2026-01-01T08:00:00", 8 * 3600, "Europe/Berlin",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH",
)  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-27T13:59:59", None),
        ("2026-11-27T14:00:00", "2026-11-27T23:00:00"),
        ("2026-11-27T22:59:59", "2026-11-27T23:00:00"),
        ("2026-11-27T23:00:00", None),
        ("2026-07-03T12:59:59", None),  # in summer 15:00 in Berlin is 13:00 in UTC
        ("2026-07-03T13:00:00", "2026-07-03T22:00:00"),
        ("2025-12-26T14:00:00", None),  # before its start
    ],
)
def test_weekly_window_denies_by_the_clock_of_its_zone(now: str, until: str | None) -> None:
    wanted = Closure(at(until), "nobody is here") if until else None
    assert closure([FRIDAYS], at(now)) == wanted


def test_night_on_which_clocks_change_ends_by_the_clock_on_the_wall() -> None:
    night = Window(WindowKind.DENY, "2026-03-28T22:00:00", 8 * 3600, "Europe/Berlin")
    closed = closure([night], at("2026-03-28T21:30:00"))
    assert closed is not None and closed.until == at("2026-03-29T04:00:00")  # 6:00 in Berlin


def test_windows_one_after_the_other_end_with_the_last() -> None:
    eve = replace(CHRISTMAS, start="2026-12-18T12:00:00", seconds=36 * 3600)
    closed = closure([FRIDAYS, CHRISTMAS, eve], at("2026-12-18T14:30:00"))
    assert closed == Closure(at("2027-01-03T23:00:00"), "nobody is here")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-26T15:00:00", "2026-11-30T07:00:00"),  # Thursday evening to Monday morning
        ("2026-11-26T14:59:59", None),
        ("2026-12-17T15:00:00", "2027-01-04T07:00:00"),  # Christmas lies between
    ],
)
def test_outside_of_windows_that_allow_nothing_enters(now: str, until: str | None) -> None:
    closed = closure([OFFICE, CHRISTMAS], at(now))
    assert (closed.until if closed else None) == (at(until) if until else None)


def test_denied_within_an_allowed_window_is_denied() -> None:
    closed = closure([OFFICE, replace(CHRISTMAS, reason="")], at("2026-12-21T10:00:00"))
    assert closed == Closure(at("2027-01-04T07:00:00"), "a window of the calendar")


def test_windows_that_allow_no_more_have_no_end_in_sight() -> None:
    past = Window(WindowKind.ALLOW, "2026-01-05T08:00:00", 3600, "UTC")
    closed = closure([past], at("2026-11-27T12:00:00"))
    assert closed is not None and closed.until is None


def test_skipped_times_do_not_count_and_added_ones_do() -> None:
    moved = replace(FRIDAYS, skipped=("2026-11-27T15:00:00",), added=("2026-11-26T15:00:00",))
    assert closure([moved], at("2026-11-27T15:00:00")) is None
    assert closure([moved], at("2026-11-26T15:00:00")) is not None
    assert closure([moved], at("2026-12-04T15:00:00")) is not None


def test_next_freeze_is_told_before_it_begins() -> None:
    assert change_after([FRIDAYS], at("2026-11-26T12:00:00")) == at("2026-11-27T14:00:00")
    assert change_after([OFFICE], at("2026-11-26T12:00:00")) == at("2026-11-26T15:00:00")
    assert change_after([], at("2026-11-26T12:00:00")) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"zone": "Europe/Atlantis"}, "no time zone"),
        ({"zone": "../../etc/passwd"}, "no time zone"),
        ({"seconds": 0}, "longer than nothing"),
        ({"seconds": 367 * 86400}, "at most 366 days"),
        ({"start": "2026-01-02 15:00"}, "no time on a wall clock"),
        ({"skipped": ("yesterday",)}, "'yesterday' is no time"),
        ({"rule": "FREQ=HOURLY"}, "HOURLY is too often"),
        ({"rule": "FREQ=SECONDLY;INTERVAL=2"}, "SECONDLY is too often"),
        ({"rule": "every friday"}, "no rule of RFC 5545"),
        ({"rule": "FREQ=WEEKLY;BYDAY=XX"}, "no rule of RFC 5545"),
        ({"rule": "FREQ=WEEKLY\nDTSTART:20260101T000000"}, "no rule of RFC 5545"),
        ({"rule": "FREQ=WEEKLY;UNTIL=20270101"}, "no rule of RFC 5545"),
        ({"rule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "never comes"),
        ({"rule": "FREQ=DAILY;BYHOUR=1;BYMINUTE=1,2,3,4,5,6"}, "more than 10000 times"),
    ],
)
def test_window_that_policy_cannot_go_by_is_refused_by_name(
    change: dict[str, object], words: str
) -> None:
    assert words in problem_of(replace(FRIDAYS, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("window", [FRIDAYS, CHRISTMAS, OFFICE])
def test_windows_of_the_guide_are_fine(window: Window) -> None:
    assert problem_of(window) == ""


windows = st.builds(
    Window,
    kind=st.sampled_from(list(WindowKind)),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)).map(
        lambda time: time.strftime("%Y-%m-%dT%H:%M:%S")
    ),
    seconds=st.integers(60, 20 * 86400),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
    rule=st.sampled_from(["", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=DAILY;INTERVAL=3", "FREQ=MONTHLY"]),
)


@given(
    st.lists(windows, max_size=4),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda t: t.replace(tzinfo=UTC)),
)
def test_whatever_the_windows_it_is_open_at_the_end_and_closed_until_then(
    calendar: list[Window], now: datetime
) -> None:
    closed = closure(calendar, now)
    if closed is None or closed.until is None:
        return
    assert closed.until > now
    assert closure(calendar, closed.until) is None
    middle = now + (closed.until - now) / 2
    last = closure(calendar, closed.until - timedelta(seconds=1))
    assert closure(calendar, middle) is not None and last is not None
    assert last.until == closed.until
