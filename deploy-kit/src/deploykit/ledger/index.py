"""The verified records that a state folder remembers of a ledger."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from deploykit.base.filelock import locked
from deploykit.ledger.records import Record, restore

FORMAT = 2
LOCK_TIMEOUT = 90.0  # seconds: longer than a fetch may take


class Memory:
    """A folder with a cache of verified records (`index.sqlite`), which can be deleted any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = folder / "index.sqlite"

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Alone with the folder, among all processes and threads; a killed holder lets go."""
        return locked(self.folder / "lock", LOCK_TIMEOUT)

    def load(self) -> tuple[list[Record], list[str]]:
        """The cached records with their texts; nothing where the cache is missing or damaged."""
        try:
            with contextlib.closing(self._open()) as base:
                rows = base.execute('SELECT n, "commit", text FROM record ORDER BY n').fetchall()
            records = [restore(text, n, commit) for n, (_, commit, text) in enumerate(rows)]
        except (sqlite3.Error, ValueError, KeyError, TypeError, AttributeError):
            self.forget()
            return [], []
        return records, [text for _, _, text in rows]

    def add(self, records: Sequence[Record], texts: Sequence[str]) -> None:
        """Cache further verified records; a cache that cannot be written is dropped."""
        try:
            with contextlib.closing(self._open()) as base, base:
                base.executemany(
                    "INSERT OR REPLACE INTO record VALUES (?, ?, ?)",
                    [(r.n, r.commit, text) for r, text in zip(records, texts, strict=True)],
                )
        except sqlite3.Error:
            self.forget()

    def forget(self) -> None:
        """Drop the cache."""
        for suffix in ("", "-journal", "-wal", "-shm"):
            self._index.with_name(self._index.name + suffix).unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._index, timeout=10)
        version = base.execute("PRAGMA user_version").fetchone()[0]
        if version != FORMAT:
            base.executescript(
                "BEGIN; DROP TABLE IF EXISTS record;"
                'CREATE TABLE record (n INTEGER PRIMARY KEY, "commit" TEXT, text TEXT);'
                f"PRAGMA user_version = {FORMAT}; COMMIT;"
            )
        return base
