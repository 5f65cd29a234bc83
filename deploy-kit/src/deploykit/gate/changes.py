"""Changes in review and items of a queue, as plain facts that can be read again at any time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What Gerrit says of a change."""

    OPEN = "open"
    MERGED = "merged"
    ABANDONED = "abandoned"


def mark(key: str) -> str:
    """What stands in a comment for the `key` of what it says, so that it is said once."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def rejected(ask: str) -> str:
    """The key of the gate's no to an ask."""
    return f"rejected {ask}"


@dataclass(frozen=True, slots=True)
class Change:
    """One change as it is now, at its current patch set.

    `id` is its number at the review server, `commit` the current patch set's, `needs` the ids of
    the changes that must be merged with it or before it: those its message names (Depends-On) and
    those it stands on in git (`parents`). `problem` is why it can never be merged as it is, to be
    read behind "it" ('' if nothing is known): names a change that nobody knows, stands on a patch
    set that has a newer one.

    `approved`: reviewers want it merged. `ask` names the act by which somebody last asked for that
    (a vote, a `recheck`), `recheck` the last `recheck` alone, both '' if there is none; a result
    that is held against a change is one of the same ask. `since` is when it was approved, in
    seconds of the server's clock. `trusted`: its code may run. `said` are the marks of what the
    gate has already told its owner. `reasons` are the comments by which it was to be tested again
    because of a bug, each with the bug.
    """

    id: str
    project: str
    branch: str
    commit: str
    needs: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    status: Status = Status.OPEN
    approved: bool = False
    ask: str = ""
    recheck: str = ""
    since: float = 0.0
    trusted: bool = True
    problem: str = ""
    said: frozenset[str] = frozenset()
    patchset: int = 1
    change_id: str = ""
    subject: str = ""
    owner: str = ""
    reasons: tuple[tuple[str, str], ...] = ()

    @property
    def open(self) -> bool:
        return self.status is Status.OPEN

    def told(self, key: str) -> bool:
        """Whether the gate has told its owner what has this key."""
        return mark(key) in self.said

    @property
    def refused(self) -> bool:
        """Whether the gate has answered the last ask with no."""
        return self.told(rejected(self.ask))

    @property
    def number(self) -> int:
        """The id to sort by; ids that are no numbers come first, by name."""
        return int(self.id) if self.id.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Item:
    """What is merged as one: a change, or a circle of changes that need each other.

    `changes` are in the order in which they are merged; `needs` the ids of open changes outside
    that must be merged before.
    """

    changes: tuple[Change, ...]
    needs: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        return "+".join(change.id for change in self.changes)

    @property
    def commits(self) -> tuple[str, ...]:
        return tuple(change.commit for change in self.changes)

    @property
    def ask(self) -> str:
        """By which acts its changes were last asked for."""
        return "+".join(change.ask for change in self.changes)

    def __str__(self) -> str:
        return f"circle {self.key}" if len(self.changes) > 1 else f"change {self.key}"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What people decided of a change in the ledger.

    `expedited` is the number of the record that put this commit to the head of its queue, 0 if none
    did; the highest is first. `dequeued` are the asks that somebody took out of the queue.
    """

    expedited: int = 0
    dequeued: frozenset[str] = frozenset()
