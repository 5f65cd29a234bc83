"""Requests held below what a cloud bears: callers wait here for their turn (pace.py decides)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deploykit.providers.openstack.pace import Answer, Ended, Pace, after, wait_before

PATIENCE = 0.5  # seconds, after which whoever waits looks again


class Turn:
    """One request that may be sent; whoever has it says how it ended."""

    def __init__(self, sent: float) -> None:
        self.sent = sent
        self.answer = Answer.NONE
        self.retry_after = 0.0

    def ended(self, answer: Answer, retry_after: float = 0.0) -> None:
        self.answer, self.retry_after = answer, retry_after


class Pacer:
    """The pace of one kind of request, for all threads of this process."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[Pace], None] | None = None,
    ) -> None:
        self._clock = clock
        self._pace = Pace()
        self._under_way = 0
        self._condition = threading.Condition()
        self._on_change = on_change

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Wait until one more may be sent, and say afterwards how it ended: one that nobody said
        anything of was not answered."""
        with self._condition:
            while (wait := wait_before(self._pace, self._under_way, self._clock())) != 0.0:
                self._condition.wait(PATIENCE if wait is None else min(wait, PATIENCE))
            self._under_way += 1
            turn = Turn(self._clock())
        try:
            yield turn
        finally:
            with self._condition:
                self._under_way -= 1
                ended = Ended(turn.sent, self._clock(), turn.answer, turn.retry_after)
                self._pace = after(self._pace, ended)
                if self._on_change is not None:
                    self._on_change(self._pace)
                self._condition.notify_all()
