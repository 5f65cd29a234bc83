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
from deploykit.notify.state import (
    LONGEST,
    SinkState,
    StateFile,
    initial_state,
    pending_messages,
)
from deploykit.site import Site

PAUSE_FIRST, PAUSE_MOST = 10.0, 600.0  # seconds before a sink that failed is tried again
MOST_REFUSED = 3  # messages that a sink refuses, one after the other, before it is left alone


@dataclass
class Delivery:
    """Tells one sink. Its `state` is in the `file` before the next message is sent.

    `say` is told, a line each, what was sent and what could not be.
    """

    sink: Sink
    file: StateFile
    state: SinkState
    site: str
    say: Callable[[str], None]
    _beside: Beside = field(default_factory=Beside, init=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)
    _written: SinkState | None = field(default=None, init=False)

    def start(self, news: News) -> None:
        """Have the sink told, and return at once; not while it is told already, or rests."""
        self._beside.start(lambda: self._deliver_or_rest(news))

    def stop(self) -> None:
        """Begin no other message."""
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        """Return when nothing is being sent any more, or after `seconds`."""
        self._beside.wait(seconds)

    def deliver(self, news: News) -> bool:
        """Send what is pending, the oldest first; returns whether nothing of it is left.

        What a sink refuses waits for the next call, and those behind it are tried; where nothing
        gets through, all wait.
        """
        now = utc_now()
        messages = messages_for(self.sink, self.state, news, self.site, now)
        pending, expired = pending_messages(messages, self.state, now)
        if expired:
            self.say(
                f"{self.sink.name}: not sent, since older than {LONGEST.days} days: "
                f"{len(expired)}, the last {one_line(expired[-1].title)}"
            )
        try:
            # Whoever cannot write down what was sent sends nothing: it would be sent for ever.
            self._keep(self.state.advanced(pending, news.records, now))
            left = self._send(pending)
            self._keep(self.state.advanced(left, news.records, utc_now()))
        except OSError as error:
            self._note_failure(f"{error.filename or self.file.file}: {error.strerror}")
            return False
        return not left

    def _send(self, pending: Sequence[Message]) -> list[Message]:
        """Send the messages; returns those that are left. Raises OSError if nothing can be kept."""
        left: list[Message] = []
        refused = 0
        for message in pending:
            if self._stopped.is_set() or refused == MOST_REFUSED:
                left.append(message)
                continue
            try:
                note = self.sink.send(message)
            except DeployKitError as error:
                self._note_failure(". ".join(filter(None, (error.message, error.remedy))))
                refused = refused + 1 if isinstance(error, MessageRefused) else MOST_REFUSED
                left.append(message)
            else:
                refused = 0
                self.say(f"{self.sink.name}: sent {message.title}" + (f" ({note})" if note else ""))
                self._keep(self.state.with_sent(message, utc_now()))
        return left

    def _deliver_or_rest(self, news: News) -> None:
        if not self.deliver(news):
            tries = self.state.failing.tries if self.state.failing else 1
            self._beside.rest(min(PAUSE_MOST, PAUSE_FIRST * 2 ** min(tries - 1, 20)))

    def _keep(self, state: SinkState) -> None:
        """Remember it here in any case: while this process lives, nothing is sent twice. Raises
        OSError."""
        self.state = state
        if state != self._written:
            self.file.write(state)
            self._written = state

    def _note_failure(self, reason: str) -> None:
        before = self.state.failing
        self.state = self.state.with_failure(reason, utc_now())
        if before is None or before.reason != reason:
            self.say(f"{self.sink.name}: not sent: {reason}")


def deliveries_of(
    site: Site, sinks: Sequence[Sink], records: Sequence[Record], say: Callable[[str], None]
) -> list[Delivery]:
    """A delivery for each of `sinks`. One that is new, or was told of another ledger, begins after
    `records`, and `say` is told so. Raises InputError where what is kept is damaged."""
    deliveries = []
    for sink in sinks:
        file = StateFile(state_folder(site), sink.name)
        state = file.read()
        if state is None or not state.is_of(records):
            why = "is new" if state is None else "was told of another ledger"
            state = initial_state(records, utc_now())
            file.write(state)
            say(f"{sink.name}: {why}, and hears of what comes after record {state.after}")
        deliveries.append(Delivery(sink, file, state, site.name, say))
    return deliveries


def state_folder(site: Site) -> Path:
    """Where it is kept what the sinks of `site` were told, a file each."""
    return site.state / "notify"
