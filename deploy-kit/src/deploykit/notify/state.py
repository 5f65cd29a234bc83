"""What a sink was told, so that no restart repeats or loses anything. Pure, but for `StateFile`.

Everything up to the record `after` is done with, told or not wanted; of later records, `keys` are
the messages that were sent. The first time that a sink is seen, everything before is done with.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deploykit.base import files, times
from deploykit.base.errors import InputError
from deploykit.ledger.records import Record
from deploykit.notify.messages import Message
from deploykit.notify.occasions import left_unfinished, open_attempts

FORMAT = 1
LONGEST = timedelta(days=3)  # what could not be sent for so long is sent no more


@dataclass(frozen=True, slots=True)
class Failing:
    """That a sink cannot be told: since when, in how many tries, and what the last one met."""

    since: datetime
    tries: int
    reason: str


@dataclass(frozen=True, slots=True)
class SinkState:
    """What one sink was told. `commit` is that of the record `after`, `keys` have the time at which
    each was sent; `last` and `last_sent` are the record and time of the last one of all."""

    after: int
    commit: str
    keys: Mapping[str, datetime] = field(default_factory=dict)
    last: int | None = None
    last_sent: datetime | None = None
    failing: Failing | None = None

    def is_of(self, records: Sequence[Record]) -> bool:
        """Whether it is about the ledger that `records` are of."""
        return self.after < len(records) and records[self.after].commit == self.commit

    def with_sent(self, message: Message, now: datetime) -> SinkState:
        """The same, and `message` was sent at `now`."""
        keys = {**self.keys, message.key: now}
        return replace(self, keys=keys, last=message.n, last_sent=now, failing=None)

    def with_failure(self, reason: str, now: datetime) -> SinkState:
        """The same, and one more try failed at `now`."""
        before = self.failing or Failing(now, 0, "")
        return replace(self, failing=Failing(before.since, before.tries + 1, reason))

    def advanced(
        self, pending: Sequence[Message], records: Sequence[Record], now: datetime
    ) -> SinkState:
        """The same, with everything done with before the first record that is `pending`."""
        numbers = (m.n for m in pending if m.n is not None and not m.standing)
        first = min(numbers, default=len(records))
        return replace(
            self,
            after=first - 1,
            commit=records[first - 1].commit,
            keys={key: sent for key, sent in self.keys.items() if sent > now - LONGEST},
            failing=self.failing if pending else None,
        )


def initial_state(records: Sequence[Record], now: datetime) -> SinkState:
    """That of a sink which is new at `now`: it hears of what comes after `records`."""
    before = left_unfinished(open_attempts(records), now)
    return SinkState(len(records) - 1, records[-1].commit, {event.key: now for event in before})


def first_fresh(records: Sequence[Record], after: int, now: datetime) -> int:
    """The number of the first record behind `after` that is not too old to be told of."""
    fresh = bisect_right(records, now - LONGEST, key=lambda record: record.time)
    return max(after + 1, fresh)


def pending_messages(
    messages: Iterable[Message], state: SinkState, now: datetime
) -> tuple[list[Message], list[Message]]:
    """Which of `messages` are still to be sent, and which are too old by now and never will be."""
    pending, expired = [], []
    for message in messages:
        if message.key in state.keys:
            continue
        if message.time > now - LONGEST:
            pending.append(message)
        elif not message.standing:
            expired.append(message)
    return pending, expired


class StateFile:
    """Where it is kept what one sink was told."""

    def __init__(self, folder: Path, sink: str) -> None:
        self.file = folder / f"{sink}.json"

    def read(self) -> SinkState | None:
        """What it was told; None if it is new. Raises InputError for a damaged file."""
        try:
            return _parse(json.loads(self.file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(
                f"{self.file} is damaged",
                "remove it: the sink then hears of what comes from then on",
            ) from None

    def write(self, state: SinkState) -> None:
        """On the disk before it counts. Raises OSError."""
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write(self.file, json.dumps(_json(state), indent=1), mode=0o600, sync=True)


def _json(state: SinkState) -> dict[str, Any]:
    return {
        **asdict(state),
        "format": FORMAT,
        "keys": {key: times.iso(sent) for key, sent in state.keys.items()},
        "last_sent": times.iso(state.last_sent) if state.last_sent else None,
        "failing": state.failing
        and {**asdict(state.failing), "since": times.iso(state.failing.since)},
    }


def _parse(value: Mapping[str, Any]) -> SinkState:
    if value["format"] != FORMAT:
        raise ValueError("another format")
    failing, sent = value["failing"], value["last_sent"]
    return SinkState(
        after=int(value["after"]),
        commit=str(value["commit"]),
        keys={key: times.parse(time) for key, time in value["keys"].items()},
        last=value["last"],
        last_sent=times.parse(sent) if sent else None,
        failing=failing and Failing(**{**failing, "since": times.parse(failing["since"])}),
    )
