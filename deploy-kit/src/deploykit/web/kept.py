"""Answers that take long, asked for in the background and kept for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from deploykit.base.errors import DeployKitError
from deploykit.base.times import utc_now
from deploykit.base.trouble import Trouble

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What was answered `at` a time, both None before the first answer; `trouble` says why there
    is no newer one."""

    value: T | None = None
    at: datetime | None = None
    trouble: Trouble | None = None


class Kept(Generic[T]):
    """What `ask` answered last. Nobody waits for it: who wants it, and finds it older than
    `seconds`, has it asked again meanwhile, one at a time."""

    def __init__(self, ask: Callable[[], T], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._answer: Answer[T] = Answer()
        self._old_at = 0.0  # of the monotonic clock
        self._asking = threading.Lock()

    def latest(self) -> Answer[T]:
        """The last answer, which may be none yet."""
        if time.monotonic() >= self._old_at and self._asking.acquire(blocking=False):
            threading.Thread(target=self._renew, name="kept", daemon=True).start()
        return self._answer

    def _renew(self) -> None:
        try:
            self._answer = Answer(self._ask(), utc_now())
        except (DeployKitError, OSError) as error:
            before = self._answer
            self._answer = Answer(before.value, before.at, Trouble.of(error))
        finally:
            self._old_at = time.monotonic() + self._seconds
            self._asking.release()
