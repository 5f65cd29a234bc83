"""Notifications: what the ledger gives people reason to hear, and the sinks that are told. No I/O.

Events follow from records (`occasions`), messages from events, and what waits for a sink from both
and from what it was told (`state`). Each is a pure function; `delivery` sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Topic(StrEnum):
    """What an event is about: what a sink asks for in site.yml."""

    REFUSED = "refused"  # policy lets the next release not in, and nobody need wait for it
    FAILED = "failed"  # a deploy or a check failed, or a deploy was left unfinished
    WAITING = "waiting"  # only people's word is lacking: approvals, or evidence that they add
    PROMOTED = "promoted"  # an environment runs another release: forward or back
    HOLD = "hold"  # people keep releases out, or let them in again
    DRIFT = "drift"  # nodes are not what was deployed, or alerts fire


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that people may want to hear, in their words.

    `release` is a version, '' where it is about none; `why` and `remedies` are lines. `n` and
    `time` are those of the record that brought it about, `key` is made of that record's commit, so
    that it is the same whenever it is derived again. A `standing` event follows from the time that
    passed since that record, and is derived as long as it holds.
    """

    topic: Topic
    environment: str
    release: str
    title: str
    why: tuple[str, ...]
    remedies: tuple[str, ...]
    n: int
    time: datetime
    key: str
    standing: bool = False
