"""`freeze:` of an environment file, and calendars beside it: read whole, or refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.base.yamlfile import load
from deploykit.ledger.view import parse_policy, policy_json
from deploykit.site.calendars import read_calendar
from deploykit.site.promotion import Approvals, Promotion, UnknownAuthors, parse_promotion
from deploykit.site.windows import Window, WindowKind, closure

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//trial//EN\r\n"
FRIDAYS = """BEGIN:VEVENT
UID:friday@example.org
DTSTAMP:20260101T000000Z
SUMMARY:Friday evening
DTSTART;TZID=Europe/Berlin:20260102T150000
DTEND;TZID=Europe/Berlin:20260103T000000
RRULE:FREQ=WEEKLY;BYDAY=FR;UNTIL=20271231T230000Z
EXDATE;TZID=Europe/Berlin:20261127T150000
END:VEVENT
"""
HOLIDAYS = """BEGIN:VEVENT
UID:christmas@example.org
DTSTAMP:20260101T000000Z
SUMMARY:Christmas\\, all of it
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20261227
RRULE:FREQ=YEARLY;UNTIL=20301231
END:VEVENT
BEGIN:VEVENT
UID:gone@example.org
DTSTAMP:20260101T000000Z
STATUS:CANCELLED
DTSTART;VALUE=DATE:20261201
END:VEVENT
"""
MOVED = """BEGIN:VEVENT
UID:friday@example.org
DTSTAMP:20260101T000000Z
SUMMARY:Thursday instead
RECURRENCE-ID;TZID=Europe/Berlin:20261204T150000
DTSTART;TZID=Europe/Berlin:20261203T150000
DURATION:PT2H
END:VEVENT
"""


def calendar(folder: Path, *events: str) -> Path:
    file = folder / "holidays.ics"
    text = HEAD + "".join(events).replace("\n", "\r\n") + "END:VCALENDAR\r\n"
    file.write_bytes(text.encode())
    return file


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def promotion(folder: Path, text: str) -> Promotion:
    file = folder / "prod.yml"
    file.write_text(text)
    return parse_promotion(load(file))


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("2026-11-20T14:30:00", "Friday evening"),
        ("2026-11-27T14:30:00", None),  # EXDATE
        ("2026-12-04T14:30:00", None),  # moved to the Thursday before
        ("2026-12-03T14:30:00", "Thursday instead"),
        ("2026-12-03T16:30:00", None),
        ("2026-12-23T23:30:00", "Christmas, all of it"),  # in Berlin it is the 24th
        ("2026-12-26T23:30:00", None),
        ("2030-12-24T12:00:00", "Christmas, all of it"),
        ("2031-12-24T12:00:00", None),
        ("2026-12-01T12:00:00", None),  # cancelled
    ],
)
def test_calendar_denies_at_its_events(tmp_path: Path, now: str, reason: str | None) -> None:
    windows = read_calendar(calendar(tmp_path, FRIDAYS, HOLIDAYS, MOVED), "Europe/Berlin")
    closed = closure(windows, at(now))
    assert (closed.reason if closed else None) == reason


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ((), "has no event"),
        ((FRIDAYS.replace("WEEKLY", "HOURLY"),), "the event 'Friday evening': FREQ=HOURLY"),
        ((FRIDAYS.replace("DTEND;TZID=Europe/Berlin:20260103T000000\n", ""),), "neither an end"),
        ((FRIDAYS.replace("RRULE", "RRULE:FREQ=DAILY\nRRULE"),), "more than one RRULE"),
        ((HOLIDAYS.replace("20261227", "20261220"),), "longer than nothing"),
        ((FRIDAYS.replace("DTSTART;TZID=Europe/Berlin:20260102T150000\n", ""),), "the event"),
    ],
)
def test_calendar_that_cannot_be_gone_by_is_refused_by_name(
    tmp_path: Path, events: tuple[str, ...], words: str
) -> None:
    file = calendar(tmp_path, *events)
    with pytest.raises(InputError) as refused:
        read_calendar(file, "UTC")
    assert str(file) in refused.value.message and words in refused.value.message


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"BEGIN:VEVENT\r\n", b"hello"])
def test_file_that_is_no_calendar_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.ics"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.ics"):
        read_calendar(file, "UTC")


def test_calendar_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        promotion(tmp_path, "freeze: {calendars: [none.ics]}\n")


def test_windows_of_a_file_are_what_they_say_and_outlast_the_ledger(tmp_path: Path) -> None:
    calendar(tmp_path, HOLIDAYS)
    asked = promotion(
        tmp_path,
        """from: test
approvals: {count: 2, not: [author, ask], expire: 7d, role: admin, unknown_authors: refuse}
freeze:
  zone: Europe/Berlin
  deny:
    - {rule: FREQ=WEEKLY;BYDAY=FR, start: 2026-01-02T15:00, for: 9h, reason: Friday evening}
    - {from: 2026-12-20, until: 2027-01-04T08:00, reason: Christmas}
  allow:
    - {rule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", start: 2026-01-01T08:00:00, for: 10h}
  calendars: [holidays.ics]
""",
    )
    deny, allow = WindowKind.DENY, WindowKind.ALLOW
    assert asked.freeze[:3] == (
        Window(deny, "2026-01-02T15:00:00", 32400, "Europe/Berlin", "FREQ=WEEKLY;BYDAY=FR",
               reason="Friday evening"),
        Window(deny, "2026-12-20T00:00:00", 15 * 86400 + 8 * 3600, "Europe/Berlin",
               reason="Christmas"),
        Window(allow, "2026-01-01T08:00:00", 36000, "Europe/Berlin",
               "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
    )  # fmt: skip
    assert len(asked.freeze) == 4
    excluded = frozenset({"author", "ask"})
    assert asked.approvals == Approvals(2, excluded, "admin", 604800, UnknownAuthors.REFUSE)
    kept = json.loads(json.dumps(policy_json({"prod": asked})))
    assert parse_policy(kept) == {"prod": asked}


def test_policy_that_asks_for_nothing_new_is_written_as_before(tmp_path: Path) -> None:
    kept = policy_json({"prod": promotion(tmp_path, "{from: test, approvals: 1}\n")})
    assert kept["prod"] == {
        "from": "test", "checks": {}, "soak": 0, "approvals": {"count": 1, "not": []},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("freeze: {}", 1, "names no window"),
        ("freeze:\n  deni: []", 2, "did you mean 'deny'"),
        ("freeze:\n  deny:\n  - {start: 2026-01-01, for: 9h}", 3, "has the keys for, start"),
        ("freeze:\n  deny:\n  - {from: x, until: 2026-01-01}", 3, "expected a day"),
        ("freeze:\n  deny:\n  - {from: 2026-01-02, until: 2026-01-01}", 3, "longer than nothing"),
        ("freeze:\n  deny:\n  - {from: 2026-01-02T08:00:00Z, until: 2026-01-03}", 3, "of the zone"),
        ("freeze:\n  zone: Mars\n  deny:\n  - {from: 2026-01-02, until: 2026-01-03}", 4, "Mars"),
        ("freeze:\n  deny:\n  - {rule: FREQ=DAILY, start: 2026-01-02, for: 9}", 3, "write 90s"),
        ('freeze:\n  deny:\n  - {from: 2026-01-02, until: 2026-01-03, reason: "a\\e[1mb"}', 3,
         "one line"),
        ("approvals: {not: [me]}", 1, "'me' is none of"),
        ("approvals: {role: custodian}", 1, "'custodian' is none of"),
        ("approvals: {unknown_authors: maybe}", 1, "'maybe' is none of"),
        ("checks: {soak: {}}", 1, "cannot be the name of a check"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(InputError) as refused:
        promotion(tmp_path, text + "\n")
    said = f"{refused.value.message}\n{refused.value.remedy}"
    assert f"prod.yml:{line}:" in said and words in said
