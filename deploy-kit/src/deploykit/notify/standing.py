"""How the sinks stand: what each hears of, what it was told last, what waits, and what fails."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploykit.base import times
from deploykit.ledger.records import Record
from deploykit.notify.delivery import told_folder
from deploykit.notify.messages import Message
from deploykit.notify.news import messages_for, news_of
from deploykit.notify.sinks import EVERYTHING, Sink
from deploykit.notify.told import Told, ToldFile, first_fresh, sort_out
from deploykit.site import Site


@dataclass(frozen=True, slots=True)
class Standing:
    """One sink: what it was `told` (None: it has not begun), and the messages that wait for it."""

    sink: Sink
    told: Told | None
    waiting: tuple[Message, ...]

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
        told, failing = self.told, self.told.failing if self.told else None
        return {
            "sink": self.sink.name,
            "kind": self.sink.kind,
            "address": self.sink.notifier.address,
            "everywhere": sorted(self.sink.everywhere),
            "about": {name: sorted(topics) for name, topics in self.sink.about.items()},
            "begun": told is not None,
            "last_record": told.last if told else None,
            "last_sent": times.iso(told.last_sent) if told and told.last_sent else None,
            "waiting": [message.title for message in self.waiting],
            "failing_since": times.iso(failing.since) if failing else None,
            "tries": failing.tries if failing else 0,
            "failure": failing.said if failing else None,
        }


def standings_of(
    site: Site,
    sinks: Sequence[Sink],
    records: tuple[Record, ...],
    now: datetime,
    runnable: Collection[str],
) -> list[Standing]:
    """How `sinks` stand after `records`; `runnable` are the checks that a train can run.

    Raises InputError where what is kept of one is damaged.
    """
    folder = told_folder(site)
    kept = {sink.name: ToldFile(folder, sink.name).read() for sink in sinks}
    known = {name: told for name, told in kept.items() if told and told.is_of(records)}
    after = min((told.after for told in known.values()), default=len(records) - 1)
    news = news_of(records, first_fresh(records, after, now), runnable)

    def standing(sink: Sink) -> Standing:
        told = known.get(sink.name)
        if told is None:
            return Standing(sink, None, ())
        wanted = messages_for(sink, told, news, site.name, now)
        return Standing(sink, told, tuple(sort_out(wanted, told, now)[0]))

    return [standing(sink) for sink in sinks]
