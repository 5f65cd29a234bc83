"""How many requests a cloud bears at once, found out while asking: pure decisions, no clock.

Additive increase, multiplicative decrease: each answer in good time lets a little more go at once,
a refusal (429, 503) or no answer halves it and asks for a pause, an answer that took much longer
than the fastest takes a third off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

LEAST, FIRST, MOST = 1.0, 2.0, 8.0  # requests under way
PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds: after one refusal, and after many in a row
SLOW = 3.0  # times the fastest answer
BEARABLE = 2.0  # seconds: an answer within these is never slow
HALF, THIRD_OFF = 0.5, 0.67


class Answer(Enum):
    """How a request ended: well, refused for load, or without an answer."""

    GOOD = "good"
    BUSY = "busy"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Pace:
    """What one kind of request may do: `limit` are under way at most, none before `rest_until`.

    `fastest` is the quickest good answer so far, `refused` the refusals since the last good one.
    Whoever was asked before `lowered_at` tells nothing new about a pace that was lowered then.
    Times are seconds of one clock, whichever.
    """

    limit: float = FIRST
    rest_until: float = 0.0
    fastest: float | None = None
    refused: int = 0
    lowered_at: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Ended:
    """One request: when it was sent and answered, how, and the pause that the cloud asked for."""

    sent: float
    answered: float
    answer: Answer
    retry_after: float = 0.0

    @property
    def seconds(self) -> float:
        return self.answered - self.sent


def after(pace: Pace, ended: Ended) -> Pace:
    """The pace once a request has ended so."""
    if ended.answer is not Answer.GOOD:
        return _after_refusal(pace, ended)
    fastest = min(pace.fastest, ended.seconds) if pace.fastest is not None else ended.seconds
    pace = replace(pace, fastest=fastest, refused=0)
    if ended.seconds > max(BEARABLE, SLOW * fastest):
        return _lowered(pace, ended, THIRD_OFF)
    if ended.sent < pace.lowered_at:
        return pace
    return replace(pace, limit=min(MOST, pace.limit + 1.0 / pace.limit))


def wait_before(pace: Pace, under_way: int, now: float) -> float | None:
    """Seconds until one more request may be sent, 0 for now; None: when one has ended."""
    if under_way >= int(pace.limit):
        return None
    return max(0.0, pace.rest_until - now)


def _after_refusal(pace: Pace, ended: Ended) -> Pace:
    if ended.sent < pace.lowered_at:  # of the same burst: it is no further refusal
        until = max(pace.rest_until, ended.answered + min(ended.retry_after, LONGEST_PAUSE))
        return replace(pace, rest_until=until)
    refused = pace.refused + 1
    asked = max(ended.retry_after, PAUSE * 2.0 ** min(refused - 1, 10))
    until = max(pace.rest_until, ended.answered + min(asked, LONGEST_PAUSE))
    return _lowered(replace(pace, refused=refused, rest_until=until), ended, HALF)


def _lowered(pace: Pace, ended: Ended, factor: float) -> Pace:
    """The pace lowered once for all requests that were under way together."""
    if ended.sent < pace.lowered_at:
        return pace
    return replace(pace, limit=max(LEAST, pace.limit * factor), lowered_at=ended.answered)
