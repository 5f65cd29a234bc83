"""Records by what they are about, without a walk along the whole ledger where an index is there."""

from __future__ import annotations

import functools
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from deploykit.ledger.kinds import KINDS
from deploykit.ledger.records import Record


@dataclass(frozen=True, slots=True)
class Facets:
    """What a record can be selected by. `topic` tells records of one kind apart (`Kind.topic`): a
    decision's name, a deploy's phase, the check of evidence, the version of a release."""

    kind: str
    topic: str
    environment: str | None
    release: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are asked for: from number `first` on those of one of `kinds`, with one of
    `topics` and of `environments` (all where there are none), and of the `release`, if not None."""

    kinds: tuple[str, ...]
    topics: tuple[str, ...] = ()
    environments: tuple[str | None, ...] = ()
    release: str | None = None
    first: int = 0

    def fits(self, facets: Facets) -> bool:
        """Whether a record with these facets is asked for."""
        return (
            facets.kind in self.kinds
            and (not self.topics or facets.topic in self.topics)
            and (not self.environments or facets.environment in self.environments)
            and self.release in (None, facets.release)
        )


class SelectableRecords(Sequence[Record]):
    """Records that can be asked for by their facets or commit without reading all of them.

    `answers` are what was derived of them (`derived_once`): they never change.
    """

    def __init__(self) -> None:
        self.answers: dict[object, Any] = {}

    @abstractmethod
    def select(self, wanted: Wanted, newest_first: bool) -> Iterator[Record]:
        """Those that are wanted, in their order or from the newest on, read as they are taken."""

    @abstractmethod
    def has_commit(self, commit: str) -> bool:
        """Whether one of them is of this commit."""


P = ParamSpec("P")
T = TypeVar("T")
Derive = Callable[Concatenate[Sequence[Record], P], T]


def derived_once(derive: Derive[P, T]) -> Derive[P, T]:
    """The same pure function of records; what it says of selectable ones is kept with them.

    For what rules ask again and again; what it returns must not change.
    """

    @functools.wraps(derive)
    def answer(records: Sequence[Record], /, *args: P.args, **named: P.kwargs) -> T:
        if not isinstance(records, SelectableRecords):
            return derive(records, *args, **named)
        question = (derive, args, tuple(named.items()))
        if question not in records.answers:
            records.answers[question] = derive(records, *args, **named)
        found: T = records.answers[question]
        return found

    return answer


def facets_of(record: Record) -> Facets:
    """What `record` can be selected by."""
    body, topic = record.body, KINDS[record.kind].topic(record.body)
    return Facets(record.kind, topic, body.get("environment"), body.get("release"))


def select(
    records: Sequence[Record],
    *kinds: str,
    topics: Sequence[str] = (),
    environments: Sequence[str | None] = (),
    release: str | None = None,
    first: int = 0,
    newest_first: bool = False,
) -> Iterator[Record]:
    """Those of `records` that `Wanted` describes, in their order or from the newest on."""
    wanted = Wanted(kinds, tuple(topics), tuple(environments), release, first)
    return _selected(records, wanted, newest_first)


def _selected(records: Sequence[Record], wanted: Wanted, newest_first: bool) -> Iterator[Record]:
    if isinstance(records, SelectableRecords):
        return records.select(wanted, newest_first)
    walked = reversed(records) if newest_first else iter(records)
    of_kind = (one for one in walked if one.kind in wanted.kinds and one.n >= wanted.first)
    return (one for one in of_kind if wanted.fits(facets_of(one)))


class Prolonged(SelectableRecords):
    """Records as if there were `more` behind those `before`."""

    def __init__(self, before: Sequence[Record], more: Sequence[Record]) -> None:
        super().__init__()
        self._parts = (before, tuple(more))

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        before, more = self._parts
        if isinstance(index, int):
            place = range(len(self))[index]
            return before[place] if place < len(before) else more[place - len(before)]
        wanted = range(len(self))[index]
        if wanted.step == 1 and not wanted.start:
            return Prolonged(before[: wanted.stop], more[: max(0, wanted.stop - len(before))])
        return tuple(self[n] for n in wanted)

    def select(self, wanted: Wanted, newest_first: bool) -> Iterator[Record]:
        parts = reversed(self._parts) if newest_first else self._parts
        return chain.from_iterable(_selected(part, wanted, newest_first) for part in parts)

    def has_commit(self, commit: str) -> bool:
        return any(has_commit(part, commit) for part in self._parts)


def has_commit(records: Sequence[Record], commit: str) -> bool:
    """Whether one of `records` is of this commit."""
    if isinstance(records, SelectableRecords):
        return records.has_commit(commit)
    return any(record.commit == commit for record in records)


def of_first_schema(records: Sequence[Record]) -> Sequence[Record]:
    """Those of `records` that are of schema 1: no later record is."""
    if not records or records[0].schema > 1:
        return ()
    return records[: bisect_right(records, 1, key=lambda record: record.schema)]
