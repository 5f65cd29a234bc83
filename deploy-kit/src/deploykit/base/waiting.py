"""Asking again until the answer is there or the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(ask: Callable[[], T], seconds: float, *, pause: float = 0.1) -> T:
    """Call `ask` until it returns something true; returns its last answer.

    It is asked at once, then every `pause` seconds for at most `seconds`, and a last time when
    they are over. So a false answer means that the time was not enough. What `ask` raises goes
    through.
    """
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        left = end - time.monotonic()
        if answer or left <= 0:
            return answer
        time.sleep(min(pause, left))
