"""The verified records that a state folder remembers of a ledger, found by what they are about."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from deploykit.base import files
from deploykit.base.filelock import locked
from deploykit.ledger.records import LedgerError, Record, restore
from deploykit.ledger.rows import IndexedRecords, Rows
from deploykit.ledger.trees import RecordTrees

LOCK_TIMEOUT = 180.0  # seconds: longer than any fetch but the first may take
PREFIX = ".index-"  # of what is made aside


class Memory:
    """A folder with a cache of verified records (`index.sqlite`), which can be deleted any time.

    What is in it is compared with the commits' trees, all of it, whenever somebody else than this
    class wrote to the file: `index.seal` tells how the file was when it was last known to be right.
    All methods want the caller to be alone with the folder (`locked`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "index.sqlite"
        self._seal = folder / "index.seal"
        self._rows: Rows | None = None

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Alone with the folder, among all processes and threads; a killed holder lets go."""
        return locked(self.folder / "lock", LOCK_TIMEOUT)

    def load(self, tree_of: Callable[[str], str]) -> IndexedRecords:
        """The cached records; none where the cache is missing, damaged, or not what the tree of its
        last commit holds. `tree_of` gives the id of a commit's tree."""
        if self._rows is None or not self._is_current(self._rows):
            self._rows = Rows.open(self._file)
            if self._rows is not None and not self._is_sealed():
                self._rows = self._checked(self._rows, tree_of)
        return self._rows.records() if self._rows is not None else self.begin()

    def begin(self) -> IndexedRecords:
        """Forget what is cached, once something else is published; returns no records."""
        self._rows = self._begun()
        return self._rows.records()

    def holds(self, length: int) -> bool:
        """Whether what was loaded or begun still counts, and has just so many records."""
        rows = self._rows
        current = rows is not None and (rows.aside or self._is_current(rows))
        return rows is not None and current and len(rows.records()) == length

    def add(self, records: Sequence[Record], texts: Sequence[str]) -> None:
        """Take further verified records; where the disk does not, they are kept in memory."""
        assert self._rows is not None
        try:
            self._rows.add(records, texts)
        except sqlite3.Error:
            self._rows = self._rows.in_memory()
            self._rows.add(records, texts)

    def publish(self) -> IndexedRecords:
        """Make what was added the cache, for others too; returns all its records."""
        assert self._rows is not None
        if self._rows.file is not None:
            try:
                self._rows.move(self._file)
                files.write(self._seal, self._stamp())
            except OSError:
                self._rows = self._rows.in_memory()
        return self._rows.records()

    def forget(self) -> None:
        """Drop the cache. Who reads from it goes on with what it was."""
        self._rows = None
        self._seal.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)

    def _is_current(self, rows: Rows) -> bool:
        return rows.file is None or (rows.is_at(self._file) and self._is_sealed())

    def _is_sealed(self) -> bool:
        try:
            return self._seal.read_text(encoding="utf-8") == self._stamp()
        except (OSError, UnicodeDecodeError):
            return False

    def _stamp(self) -> str:
        """How the cache's file is: whoever writes to it changes that."""
        found = self._file.stat()
        return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}\n"

    def _begun(self) -> Rows:
        """An empty cache, made aside; what killed processes left goes, with a journal of before."""
        for left in (*self.folder.glob(f"{PREFIX}*"), *self.folder.glob(f"{self._file.name}-*")):
            left.unlink(missing_ok=True)
        try:
            handle, name = tempfile.mkstemp(prefix=PREFIX, dir=self.folder)
            os.close(handle)
            return Rows.new(Path(name))
        except (OSError, sqlite3.Error):
            return Rows.new(None)

    def _checked(self, rows: Rows, tree_of: Callable[[str], str]) -> Rows | None:
        """The rows anew from their texts, if those are what the last one's commit holds."""
        trees, fresh, commit = RecordTrees(), self._begun(), ""
        try:
            for batch in rows.batches():
                records = [restore(text, n, of) for n, of, text in batch]
                fresh.add(records, [text for _, _, text in batch])
                commit = batch[-1][1]
                for n, _, text in batch:
                    trees.add(n, text)
        except (sqlite3.Error, LedgerError, ValueError, KeyError, TypeError, AttributeError):
            return None
        if not commit or trees.root != tree_of(commit):
            return None
        self._rows = fresh
        self.publish()
        return self._rows
