"""Verified records as rows of an SQLite file, read when somebody looks at them."""

from __future__ import annotations

import contextlib
import heapq
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self, overload

from deploykit.ledger.records import LedgerError, Record, restore
from deploykit.ledger.selection import SelectableRecords, Wanted, facets_of

FORMAT = 3
PIECE = 20  # rows that are read first: most who select want the last few
BATCH = 10_000  # … at most at a time, where more are wanted
PARSED_MOST = 1 << 14  # records that are kept as they were read
BUSY = 10.0  # seconds to wait for another's transaction
# No journal beside the file: whoever still reads an older file of that name would take it for that
# one's. What a killed process leaves is compared with the ledger, and made anew.
SETTINGS = "PRAGMA journal_mode = MEMORY"
TABLE = f"""
BEGIN;
CREATE TABLE record (n INTEGER PRIMARY KEY, "commit" TEXT NOT NULL UNIQUE, text TEXT NOT NULL,
                     kind TEXT NOT NULL, topic TEXT NOT NULL, environment TEXT, "release" TEXT);
CREATE INDEX by_kind ON record (kind);
CREATE INDEX by_topic ON record (kind, topic);
CREATE INDEX by_environment ON record (environment, kind);
CREATE INDEX by_release ON record ("release", kind);
PRAGMA user_version = {FORMAT};
COMMIT;
"""

Row = tuple[int, str, str]  # number, commit, text


@dataclass(frozen=True, slots=True)
class Condition:
    """What rows are to fit beside their numbers: words of SQL, each ending with AND, and values."""

    words: str = ""
    values: tuple[object, ...] = ()


class Rows:
    """The rows of one file, or of no file but memory; safe for threads.

    `aside` says that the file is not yet where others look for it.
    """

    def __init__(self, file: Path | None, *, aside: bool) -> None:
        self.file = file
        self.aside = aside
        self._lock = threading.Lock()
        self._parsed: dict[int, Record] = {}
        self._connect()

    @classmethod
    def open(cls, file: Path) -> Self | None:
        """The rows of a file, None where it is missing, of another format, or none at all."""
        if not file.exists():
            return None
        with contextlib.suppress(sqlite3.Error):
            rows = cls(file, aside=False)
            if rows._base.execute("PRAGMA user_version").fetchone() == (FORMAT,):
                return rows
        return None

    @classmethod
    def new(cls, file: Path | None) -> Self:
        """No rows yet, in an empty `file` or in memory. Raises sqlite3.Error."""
        rows = cls(file, aside=file is not None)
        rows._base.executescript(TABLE)
        return rows

    def records(self) -> IndexedRecords:
        """All that are there now; what is added later is not among them."""
        last = self.ask(newest_first=True, most=1)
        return IndexedRecords(self, last[0][0] + 1 if last else 0)

    def is_at(self, file: Path) -> bool:
        """Whether these are the rows of what `file` is now."""
        try:
            found = file.stat()
        except OSError:
            return False
        return self.file == file and self._identity == (found.st_dev, found.st_ino)

    def add(self, records: Sequence[Record], texts: Sequence[str]) -> None:
        """Add all of them or none. Raises sqlite3.Error."""
        new = [
            (record.n, record.commit, text, *astuple(facets_of(record)))
            for record, text in zip(records, texts, strict=True)
        ]
        with self._lock, self._base:
            self._base.executemany("INSERT OR REPLACE INTO record VALUES (?,?,?,?,?,?,?)", new)

    def move(self, target: Path) -> None:
        """Give the file that was made aside the name where others look for it. Raises OSError."""
        if self.aside and self.file is not None:
            with self._lock:
                self._base.close()
                self.file = self.file.replace(target)
                self.aside = False
                self._connect()

    def in_memory(self) -> Rows:
        """The same rows, of no file. Raises LedgerError for a damaged file."""
        copy = Rows.new(None)
        for batch in self.batches():
            copy.add([restore(text, n, commit) for n, commit, text in batch], [b[2] for b in batch])
        return copy

    def batches(self) -> Iterator[list[Row]]:
        """All rows, some at a time. Raises LedgerError for a damaged file."""
        last = -1
        while rows := self.ask(above=last, most=BATCH):
            yield rows
            last = rows[-1][0]

    def record(self, n: int) -> Record:
        """The record with that number. Raises LedgerError for a damaged file."""
        known = self._parsed.get(n)
        if known is not None:
            return known
        rows = self.ask(above=n - 1, below=n + 1)
        if not rows:
            raise self._damaged(f"record {n} is missing")
        return self.parse(rows[0])

    def ask(
        self,
        condition: Condition = Condition(),
        *,
        above: int = -1,
        below: int = 1 << 62,
        newest_first: bool = False,
        most: int = PIECE,
    ) -> list[Row]:
        """At most so many rows whose numbers lie between, in their order or from the newest on.

        Raises LedgerError for a damaged file.
        """
        words = (
            f'SELECT n, "commit", text FROM record WHERE {condition.words} n > ? AND n < ? '  # noqa: S608
            f"ORDER BY n {'DESC' if newest_first else 'ASC'} LIMIT ?"
        )
        try:
            with self._lock:
                return self._base.execute(words, (*condition.values, above, below, most)).fetchall()
        except sqlite3.Error as error:
            raise self._damaged(str(error)) from None

    def parse(self, row: Row) -> Record:
        """The record of a row. Raises LedgerError for a damaged one."""
        n, commit, text = row
        record = self._parsed.get(n)
        if record is None:
            try:
                record = restore(text, n, commit)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise self._damaged(str(error)) from None
            if len(self._parsed) >= PARSED_MOST:
                self._parsed.clear()
            self._parsed[n] = record
        return record

    def _connect(self) -> None:
        name = self.file if self.file is not None else ":memory:"
        self._base = sqlite3.connect(name, timeout=BUSY, check_same_thread=False)
        self._base.execute(SETTINGS)
        if self.file is not None:
            found = self.file.stat()
            self._identity = found.st_dev, found.st_ino

    def _damaged(self, why: str) -> LedgerError:
        if self.file is not None and self.is_at(self.file):
            self.file.unlink(missing_ok=True)
        return LedgerError(
            f"{self.file} was damaged while it was in use ({why}), and is removed",
            "run this again: it is made anew from the ledger",
        )


class IndexedRecords(SelectableRecords):
    """The first `length` records of `rows`; each is read when it is looked at."""

    def __init__(self, rows: Rows, length: int) -> None:
        super().__init__()
        self._rows = rows
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        if isinstance(index, int):
            return self._rows.record(range(self._length)[index])
        wanted = range(self._length)[index]
        if wanted.step != 1:
            return tuple(self[n] for n in wanted)
        if not wanted.start:
            return IndexedRecords(self._rows, len(wanted))
        return tuple(self._walk(Condition(), above=wanted.start - 1, below=wanted.stop))

    def __iter__(self) -> Iterator[Record]:
        return self._walk(Condition())

    def __reversed__(self) -> Iterator[Record]:
        return self._walk(Condition(), newest_first=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(other) != len(self):
            return NotImplemented
        return all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def select(self, wanted: Wanted, newest_first: bool) -> Iterator[Record]:
        """One walk along an index for each condition, merged by number."""
        walks = [
            self._walk(condition, above=wanted.first - 1, newest_first=newest_first)
            for condition in _conditions(wanted)
        ]
        merged = heapq.merge(*walks, key=lambda record: record.n, reverse=newest_first)
        return (record for record in merged if wanted.fits(facets_of(record)))

    def has_commit(self, commit: str) -> bool:
        named = Condition('"commit" = ? AND', (commit,))
        return bool(self._rows.ask(named, below=self._length))

    def _walk(
        self,
        condition: Condition,
        *,
        above: int = -1,
        below: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Record]:
        below, most = self._length if below is None else below, PIECE
        while rows := self._rows.ask(
            condition, above=above, below=below, newest_first=newest_first, most=most
        ):
            yield from map(self._rows.parse, rows)
            if len(rows) < most:
                return
            most = min(2 * most, BATCH)
            if newest_first:
                below = rows[-1][0]
            else:
                above = rows[-1][0]


def _conditions(wanted: Wanted) -> Iterator[Condition]:
    """Conditions that an index answers; what is wanted fits one of them, each time the same.

    About one release there are few records: what else is wanted of them is looked at afterwards.
    """
    for kind in wanted.kinds:
        if wanted.release is not None:
            yield Condition('"release" = ? AND kind = ? AND', (wanted.release, kind))
            continue
        for topic in wanted.topics or (None,):
            words, values = ("topic = ? AND ", (topic,)) if topic is not None else ("", ())
            for name in wanted.environments:
                yield Condition(f"kind = ? AND {words}environment IS ? AND", (kind, *values, name))
            if not wanted.environments:
                yield Condition(f"kind = ? AND {words}", (kind, *values))
