"""One sink told what waits for it: in order, each thing once, and never in anybody's way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploykit.base.beside import Beside
from deploykit.base.errors import DeployKitError
from deploykit.base.printable import one_line
from deploykit.base.times import utc_now
from deploykit.ledger.records import Record
from deploykit.notify.messages import Message
from deploykit.notify.news import News, messages_for
from deploykit.notify.sinks import MessageRefused, Sink
from deploykit.notify.told import LONGEST, Told, ToldFile, beginning, sort_out
from deploykit.site import Site

PAUSE_FIRST, PAUSE_MOST = 10.0, 600.0  # seconds before a sink that failed is tried again
MOST_REFUSED = 3  # messages that a sink refuses, one after the other, before it is left alone


@dataclass
class Delivery:
    """Tells one sink. What it was told is in `kept` before the next message is sent.

    `say` is told, a line each, what was sent and what could not be.
    """

    sink: Sink
    kept: ToldFile
    told: Told
    site: str
    say: Callable[[str], None]
    _beside: Beside = field(default_factory=Beside, init=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)
    _written: Told | None = field(default=None, init=False)

    def start(self, news: News) -> None:
        """Have the sink told, and return at once; not while it is told already, or rests."""
        self._beside.start(lambda: self._deliver_or_rest(news))

    def stop(self, seconds: float) -> None:
        """Begin no other message, and wait for one that is being sent, for at most `seconds`."""
        self._stopped.set()
        self._beside.wait(seconds)

    def deliver(self, news: News) -> bool:
        """Send what waits, the oldest first; returns whether nothing of it is left.

        What a sink refuses waits for the next call, and those behind it are tried; where nothing
        gets through, all wait.
        """
        now = utc_now()
        wanted = messages_for(self.sink, self.told, news, self.site, now)
        waiting, old = sort_out(wanted, self.told, now)
        if old:
            self.say(
                f"{self.sink.name}: not sent, since older than {LONGEST.days} days: "
                f"{len(old)}, the last {one_line(old[-1].title)}"
            )
        try:
            # Whoever cannot write down what was sent sends nothing: it would be sent for ever.
            self._keep(self.told.settled(waiting, news.records, now))
            left = self._send(waiting)
            self._keep(self.told.settled(left, news.records, utc_now()))
        except OSError as error:
            self._failed(f"{error.filename or self.kept.file}: {error.strerror}")
            return False
        return not left

    def _send(self, waiting: Sequence[Message]) -> list[Message]:
        """Send the messages; returns those that are left. Raises OSError if nothing can be kept."""
        left: list[Message] = []
        refused = 0
        for message in waiting:
            if self._stopped.is_set() or refused == MOST_REFUSED:
                left.append(message)
                continue
            try:
                note = self.sink.send(message)
            except DeployKitError as error:
                self._failed(". ".join(line for line in (error.message, error.remedy) if line))
                refused = refused + 1 if isinstance(error, MessageRefused) else MOST_REFUSED
                left.append(message)
            else:
                refused = 0
                self.say(f"{self.sink.name}: sent {message.title}" + (f" ({note})" if note else ""))
                self._keep(self.told.sent(message, utc_now()))
        return left

    def _deliver_or_rest(self, news: News) -> None:
        if not self.deliver(news):
            tries = self.told.failing.tries if self.told.failing else 1
            self._beside.rest(min(PAUSE_MOST, PAUSE_FIRST * 2 ** min(tries - 1, 20)))

    def _keep(self, told: Told) -> None:
        """Remember it here in any case: while this process lives, nothing is sent twice. Raises
        OSError."""
        self.told = told
        if told != self._written:
            self.kept.write(told)
            self._written = told

    def _failed(self, said: str) -> None:
        before = self.told.failing
        self.told = self.told.failed(said, utc_now())
        if before is None or before.said != said:
            self.say(f"{self.sink.name}: not sent: {said}")


def deliveries_of(
    site: Site, sinks: Sequence[Sink], records: Sequence[Record], say: Callable[[str], None]
) -> list[Delivery]:
    """One for each of `sinks`. One that is new, or was told of another ledger, begins after
    `records`, and `say` is told so. Raises InputError where what is kept is damaged."""
    found = []
    for sink in sinks:
        kept = ToldFile(told_folder(site), sink.name)
        told = kept.read()
        if told is None or not told.is_of(records):
            why = "is new" if told is None else "was told of another ledger"
            told = beginning(records, utc_now())
            kept.write(told)
            say(f"{sink.name}: {why}, and hears of what comes after record {told.after}")
        found.append(Delivery(sink, kept, told, site.name, say))
    return found


def told_folder(site: Site) -> Path:
    """Where it is kept what the sinks of `site` were told, a file each."""
    return site.state / "notify"
