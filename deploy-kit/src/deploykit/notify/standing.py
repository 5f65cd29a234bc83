"""How the sinks stand: what each hears of, what it was told last, what waits, and what fails."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploykit.base import times
from deploykit.ledger.records import Record
from deploykit.notify.delivery import state_folder
from deploykit.notify.messages import Message
from deploykit.notify.news import messages_for, news_of
from deploykit.notify.sinks import EVERYTHING, Sink
from deploykit.notify.state import SinkState, StateFile, first_fresh, pending_messages
from deploykit.site import Site


@dataclass(frozen=True, slots=True)
class Standing:
    """One sink: its `state` (None: it has not begun), and the messages that wait for it."""

    sink: Sink
    state: SinkState | None
    pending: tuple[Message, ...]

    @property
    def about(self) -> str:
        """What it hears of, in words."""
        if self.sink.everywhere == EVERYTHING:
            return "everything"
        if not self.sink.about:
            return ", ".join(sorted(self.sink.everywhere))
        return "; ".join(
            f"{name}: {', '.join(sorted(topics))}" for name, topics in self.sink.about.items()
        )

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        state, failing = self.state, self.state.failing if self.state else None
        return {
            "sink": self.sink.name,
            "kind": self.sink.kind,
            "address": self.sink.notifier.address,
            "everywhere": sorted(self.sink.everywhere),
            "about": {name: sorted(topics) for name, topics in self.sink.about.items()},
            "begun": state is not None,
            "last_record": state.last if state else None,
            "last_sent": times.iso(state.last_sent) if state and state.last_sent else None,
            "waiting": [message.title for message in self.pending],
            "failing_since": times.iso(failing.since) if failing else None,
            "tries": failing.tries if failing else 0,
            "failure": failing.reason if failing else None,
        }


def standings_of(
    site: Site,
    sinks: Sequence[Sink],
    records: Sequence[Record],
    now: datetime,
    runnable: Collection[str],
) -> list[Standing]:
    """How `sinks` stand after `records`; `runnable` are the checks that a train can run.

    Raises InputError where what is kept of one is damaged.
    """
    folder = state_folder(site)
    kept = {sink.name: StateFile(folder, sink.name).read() for sink in sinks}
    states = {name: state for name, state in kept.items() if state and state.is_of(records)}
    after = min((state.after for state in states.values()), default=len(records) - 1)
    news = news_of(records, first_fresh(records, after, now), runnable)

    def standing(sink: Sink) -> Standing:
        state = states.get(sink.name)
        if state is None:
            return Standing(sink, None, ())
        messages = messages_for(sink, state, news, site.name, now)
        return Standing(sink, state, tuple(pending_messages(messages, state, now)[0]))

    return [standing(sink) for sink in sinks]
