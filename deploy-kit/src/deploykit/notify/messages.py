"""What a sink is sent: the events of one record in one message. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploykit.base import times
from deploykit.base.printable import one_line, printable
from deploykit.notify import Event

TITLE = 200  # characters


@dataclass(frozen=True, slots=True)
class Message:
    """One message, fit for print. `key` names it among all that a sink is ever sent, `n` is the
    number of the record that it is about (None: it is a test); `events` are for machines."""

    key: str
    site: str
    title: str
    text: str
    n: int | None
    time: datetime
    events: tuple[Event, ...] = ()

    @property
    def standing(self) -> bool:
        return any(event.standing for event in self.events)

    def as_json(self) -> dict[str, Any]:
        """The message for machines."""
        return {
            "key": self.key,
            "site": self.site,
            "record": self.n,
            "time": times.iso(self.time),
            "title": self.title,
            "text": self.text,
            "events": [
                {
                    "topic": event.topic,
                    "environment": event.environment,
                    "release": event.release or None,
                    "title": event.title,
                    "why": event.why,
                    "remedies": event.remedies,
                }
                for event in self.events
            ],
        }


def messages_of(site: str, events: Iterable[Event]) -> list[Message]:
    """One message for each record that `events` are of, in the order in which they come."""
    grouped: dict[str, list[Event]] = {}
    for event in events:
        grouped.setdefault(event.key, []).append(event)
    return [_message(site, tuple(of_one)) for of_one in grouped.values()]


def trial_message(site: str, sink: str, now: datetime) -> Message:
    """What a sink is sent to see whether it works; no two are the same."""
    text = f"This is a test of the sink '{sink}' of the site '{site}', at {times.iso(now)}."
    return Message(f"test-{times.stamp(now)}", site, f"[{site}] test of {sink}", text, None, now)


def _message(site: str, events: tuple[Event, ...]) -> Message:
    first = events[0]
    title = one_line(f"[{site}] {'; '.join(event.title for event in events)}", TITLE)
    parts = [_part(event) for event in events]
    parts.append(f"Record {first.n} of the ledger of {site}, {times.iso(first.time)}.")
    text = printable("\n\n".join(parts)) + "\n"
    return Message(first.key, site, title, text, first.n, first.time, events)


def _part(event: Event) -> str:
    why = [f"- {line}" for line in event.why]
    return "\n".join([event.title, *why, *(f"  {line}" for line in event.remedies)])
