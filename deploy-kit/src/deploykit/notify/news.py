"""What there is to tell as of some moment, derived from the records as they come. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.notify import Event
from deploykit.notify.messages import Message, messages_of
from deploykit.notify.occasions import left_unfinished, occasions, open_attempts, still_true
from deploykit.notify.prospects import Prospects
from deploykit.notify.sinks import Sink
from deploykit.notify.state import SinkState


@dataclass(frozen=True, slots=True)
class News:
    """The records that were looked at, the events of some of the last of them, what could enter
    next, and the deploys that are open, each with the commit of its last record."""

    records: Sequence[Record]
    events: tuple[Event, ...]
    prospects: Prospects
    open: tuple[tuple[view.Attempt, str], ...]

    def after(self, n: int) -> News:
        """The same without the events of the records up to number `n`."""
        return replace(self, events=tuple(event for event in self.events if event.n > n))


def news_of(records: Sequence[Record], first: int, runnable: Collection[str]) -> News:
    """The news of the records from number `first` on; `runnable` are the checks that a train can
    run."""
    events, prospects = occasions(records, first, runnable)
    return News(records, events, prospects, open_attempts(records))


def with_more(news: News, records: Sequence[Record], runnable: Collection[str]) -> News:
    """`news` with that of the `records` that came since."""
    if len(records) <= len(news.records):
        return news
    more = news_of(records, len(news.records), runnable)
    return replace(more, events=news.events + more.events)


def messages_for(
    sink: Sink, state: SinkState, news: News, site: str, now: datetime
) -> list[Message]:
    """What the sink wants of `news` behind its `state`, whether or not it has been sent."""
    unfinished = left_unfinished(news.open, now)
    wanted: Iterable[Event] = (
        event
        for event in (*still_true(news.events, news.prospects), *unfinished)
        if sink.wants(event) and (event.standing or event.n > state.after)
    )
    return messages_of(site, wanted)
