"""Which run says which words: a full-text index that holds no text, and can be deleted any time.

SQLite's FTS5, contentless and without positions (`content=''`, `detail=none`): the texts are in
the store already. One document is one log of one run, its row the run's number times `LOGS_MOST`
and its place in the run. A run that goes is forgotten by telling FTS5 the same text again, as FTS5
keeps none of its own.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.logs.runs import Log, Run, run_of

FORMAT = 1
LOGS_MOST = 1 << 10  # logs of one run that are told apart
TIMEOUT = 30.0  # seconds to wait for another process
WORD = re.compile(r"[^\W_]+\*?")  # as FTS5's unicode61 cuts text


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A run as the index knows it: `size` its logs in bytes, `stored` its file's."""

    run: Run
    size: int
    stored: int


class Index:
    """The index in `folder`. Its errors are sqlite3's; who uses it makes it anew."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "index.sqlite"

    @contextlib.contextmanager
    def open(self) -> Iterator[Session]:
        """A session; what it wrote is there when it ends well, and else is not."""
        with contextlib.closing(sqlite3.connect(self._file, timeout=TIMEOUT)) as base:
            base.execute("PRAGMA synchronous = OFF")  # what a lost machine damages is made anew
            if base.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
                _make(base)
            with base:
                yield Session(base)

    def forget(self) -> None:
        """Delete it."""
        for suffix in ("", "-journal", "-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self._file.stat().st_size if self._file.exists() else 0


def _make(base: sqlite3.Connection) -> None:
    base.executescript(
        "BEGIN IMMEDIATE;"
        "DROP TABLE IF EXISTS run; DROP TABLE IF EXISTS words; DROP TABLE IF EXISTS finding;"
        "CREATE TABLE run (n INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, command TEXT NOT NULL,"
        " began TEXT NOT NULL, ended TEXT NOT NULL, ending TEXT NOT NULL, error TEXT NOT NULL,"
        " size INTEGER NOT NULL, stored INTEGER NOT NULL);"
        "CREATE INDEX by_time ON run (began);"
        "CREATE VIRTUAL TABLE words USING"
        " fts5(text, content='', detail='none', columnsize=0, tokenize='unicode61');"
        # What signatures recognised in a run, for the set of signatures that was asked with.
        "CREATE TABLE finding (n INTEGER PRIMARY KEY, asked TEXT NOT NULL, found TEXT NOT NULL);"
        f"PRAGMA user_version = {FORMAT}; COMMIT;"
    )


class Session:
    """The index while it is open."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def ids(self) -> set[str]:
        """The runs that it knows."""
        return {row[0] for row in self._base.execute("SELECT id FROM run")}

    def add(self, run: Run, logs: Sequence[Log], stored: int) -> None:
        """Add a run that it does not know."""
        columns, size = run.as_json(), sum(len(log.text.encode()) for log in logs)
        row = self._base.execute(
            "INSERT INTO run (id, command, began, ended, ending, error, size, stored)"
            " VALUES (:id, :command, :began, :ended, :ending, :error, :size, :stored)",
            {**columns, "size": size, "stored": stored},
        )
        assert row.lastrowid is not None
        self._base.executemany(
            "INSERT INTO words (rowid, text) VALUES (?, ?)", _documents(row.lastrowid, logs)
        )

    def drop(self, id: str, logs: Sequence[Log]) -> None:
        """Forget a run; `logs` are the texts with which it was added."""
        row = self._base.execute("SELECT n FROM run WHERE id = ?", (id,)).fetchone()
        if row is None:
            return
        self._base.executemany(
            "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)",
            _documents(row[0], logs),
        )
        self._base.execute("DELETE FROM finding WHERE n = ?", row)
        self._base.execute("DELETE FROM run WHERE n = ?", row)

    def runs(self, since: str = "") -> list[IndexEntry]:
        """All runs that began at `since` or later, the oldest first."""
        rows = self._base.execute(f"{SELECT} WHERE began >= ? ORDER BY began, id", (since,))
        return [_entry(row) for row in rows]

    def find(self, words: str, most: int) -> list[tuple[str, int]]:
        """Run and place of the newest `most` logs that hold all of `words`; `word*` is a beginning.

        Raises InputError if there is no word in `words`.
        """
        rows = self._base.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?",
            (query(words), most),
        ).fetchall()
        places = []
        for (row,) in rows:
            n, place = divmod(row, LOGS_MOST)
            id = self._base.execute("SELECT id FROM run WHERE n = ?", (n,)).fetchone()
            if id is not None:
                places.append((str(id[0]), place))
        return places

    def findings(self, asked: str) -> dict[str, str]:
        """What was remembered of each run, if it was asked with the signatures `asked`."""
        rows = self._base.execute(
            "SELECT id, found FROM finding JOIN run USING (n) WHERE asked = ?", (asked,)
        )
        return dict(rows.fetchall())

    def remember(self, asked: str, findings: Iterable[tuple[str, str]]) -> None:
        """Remember what the signatures `asked` found: pairs of a run's id and a text."""
        self._base.executemany(
            "INSERT OR REPLACE INTO finding SELECT n, ?, ? FROM run WHERE id = ?",
            [(asked, found, id) for id, found in findings],
        )


SELECT = "SELECT id, command, began, ended, ending, error, size, stored FROM run"


def query(words: str) -> str:
    """`words` as FTS5 asks for them: all of them, whatever stands between.

    Raises InputError if there is none.
    """
    terms = WORD.findall(words)
    if not terms:
        raise InputError(f"'{words}' has no word to look for", "words are of letters and digits")
    return " ".join(f'"{term[:-1]}"*' if term.endswith("*") else f'"{term}"' for term in terms)


def words_of(text: str) -> tuple[str, ...]:
    """The words that are looked for, in small letters and without their stars."""
    return tuple(word.rstrip("*").lower() for word in WORD.findall(text))


def _documents(n: int, logs: Sequence[Log]) -> Iterator[tuple[int, str]]:
    """A row and a text per log; logs beyond `LOGS_MOST` count as parts of the last."""
    most = LOGS_MOST - 1
    for place, log in enumerate(logs[:most]):
        yield n * LOGS_MOST + place, log.text
    if len(logs) > most:
        yield n * LOGS_MOST + most, "\n".join(log.text for log in logs[most:])


def _entry(row: tuple[str | int, ...]) -> IndexEntry:
    names = ("id", "command", "began", "ended", "ending", "error")
    return IndexEntry(run_of(dict(zip(names, row, strict=False))), int(row[6]), int(row[7]))
