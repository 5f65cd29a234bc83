"""The runs that are kept: one compressed file each, and an index over them, made as needed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from deploykit.base import files
from deploykit.base.errors import InputError
from deploykit.base.filelock import locked
from deploykit.logs.index import Index, IndexEntry, Session
from deploykit.logs.runs import Log, Run, demand_id, pack, unpack

SUFFIX = ".zst"
LOCK_TIMEOUT = 300.0  # seconds: as long as it may take to make the index of many runs anew
T = TypeVar("T")


class Store:
    """The runs in `folder`. Several processes may use it at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = Index(folder)

    def ids(self) -> set[str]:
        """The runs that are there."""
        if not self._folder.is_dir():
            return set()
        return {file.stem for file in self._folder.glob(f"[!.]*{SUFFIX}")}

    def has(self, id: str) -> bool:
        """Whether the run is there."""
        return self._file(id).exists()

    def put(self, run: Run, logs: Sequence[Log]) -> bool:
        """Keep a run; whether it was new. A run that is there stays as it is."""
        with self._locked():
            file = self._file(run.id)
            if file.exists():
                return False
            data = pack(run, logs)
            files.write(file, data, mode=0o600)
            self._write_index(lambda session: session.add(run, logs, len(data)))
        return True

    def read(self, id: str) -> tuple[Run, list[Log]]:
        """A run and its logs. Raises InputError if there is none of this name, or a bad one."""
        file = self._file(demand_id(id))
        try:
            return unpack(file.read_bytes())
        except FileNotFoundError:
            raise InputError(
                f"there is no run '{id}'", "deploy-kit logs list shows those there are"
            ) from None
        except ValueError as error:
            raise InputError(
                f"{file}: damaged: {error}", "remove it; nothing else depends on it"
            ) from None

    def runs(self, since: str = "") -> list[IndexEntry]:
        """The runs that began at `since` (ISO) or later, the oldest first."""
        return self._ask(lambda session: session.runs(since))

    def find(self, words: str, most: int) -> list[tuple[str, int]]:
        """The newest logs that hold all of `words`: a run and the place of its log."""
        return self._ask(lambda session: session.find(words, most))

    def findings(self, asked: str) -> dict[str, str]:
        """What was remembered of the signatures `asked`, by run."""
        return self._ask(lambda session: session.findings(asked))

    def remember(self, asked: str, findings: Iterable[tuple[str, str]]) -> None:
        """Remember what the signatures `asked` found in runs."""
        pairs = list(findings)
        with self._locked():
            self._write_index(lambda session: session.remember(asked, pairs))

    def remove(self, ids: Iterable[str]) -> None:
        """Take runs away, and what the index knows of them."""
        with self._locked():
            going: list[tuple[str, list[Log]]] = []
            for id in ids:
                with contextlib.suppress(InputError):
                    going.append((id, self.read(id)[1]))
                self._file(id).unlink(missing_ok=True)
            self._write_index(lambda session: _drop_all(session, going))

    @property
    def index_size(self) -> int:
        """Bytes of the index."""
        return self._index.size

    def _file(self, id: str) -> Path:
        return self._folder / f"{id}{SUFFIX}"

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        return locked(self._folder / ".lock", LOCK_TIMEOUT)

    def _ask(self, question: Callable[[Session], T]) -> T:
        """The index's answer, once it knows what is there."""
        with self._locked():
            try:
                with self._index.open() as session:
                    self._agree(session)
                    return question(session)
            except _Outdated:
                self._index.forget()
            except sqlite3.OperationalError as error:
                if "locked" in str(error) or "readonly" in str(error):
                    raise
                self._index.forget()
            except sqlite3.DatabaseError:
                self._index.forget()
            with self._index.open() as session:
                self._agree(session)
                return question(session)

    def _write_index(self, change: Callable[[Session], None]) -> None:
        """Change the index; one that cannot be changed is dropped, and made anew when asked."""
        try:
            with self._index.open() as session:
                change(session)
        except sqlite3.Error:
            self._index.forget()

    def _agree(self, session: Session) -> None:
        """Let the index know of what is there. Raises _Outdated if it knows of more."""
        there, known = self.ids(), session.ids()
        if known - there:
            raise _Outdated
        for run, logs, stored in self._read_runs(there - known):
            session.add(run, logs, stored)

    def _read_runs(self, ids: set[str]) -> Iterator[tuple[Run, list[Log], int]]:
        """The runs in the order of their names, which begin with their times; not the damaged."""
        for id in sorted(ids):
            with contextlib.suppress(InputError, OSError):
                run, logs = self.read(id)
                if run.id == id:
                    yield run, logs, self._file(id).stat().st_size


class _Outdated(Exception):
    """The index knows runs whose texts are gone."""


def _drop_all(session: Session, going: Sequence[tuple[str, list[Log]]]) -> None:
    for id, logs in going:
        session.drop(id, logs)
