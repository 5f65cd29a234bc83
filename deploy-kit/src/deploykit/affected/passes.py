"""What is known of the suites on this machine: the commits at which each passed, and its times.

One JSON file in the state folder, shared by all clones of the repository. It is written aside and
renamed, under a lock, so neither a killed run nor two at once can spoil it; one that cannot be read
is put aside, and then every suite is due.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from deploykit.base.filelock import locked

FORMAT = 1
KEPT = 3  # passes and times of each suite
COMMIT = re.compile(r"[0-9a-f]{40,64}")
RESULTS = ("passed", "failed", "unfinished")


@dataclass(frozen=True, slots=True)
class Record:
    """One suite: commits at which it passed and seconds of its runs, the newest last.

    `tried` is when it last ran (ISO 8601, UTC; '' for never), `result` what came out then.
    """

    passed: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    tried: str = ""
    result: str = ""

    def after(self, result: str, commit: str | None, seconds: float | None, at: str) -> Record:
        """This record after one more run; `commit` None if the run speaks for no commit."""
        passed = self.passed
        if result == "passed" and commit is not None:
            passed = (*(passed_at for passed_at in passed if passed_at != commit), commit)[-KEPT:]
        times = self.seconds if seconds is None else (*self.seconds, round(seconds, 1))[-KEPT:]
        return replace(self, passed=passed, seconds=times, tried=at, result=result)


class Passes:
    """The file of records."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> dict[str, Record]:
        """The records by suite; none for a file that is not there or cannot be read."""
        try:
            return parse(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def note(
        self, name: str, result: str, commit: str | None, seconds: float | None, at: str
    ) -> None:
        """Record one run of the suite `name`, beside what other runs record at the same time."""
        self.change(lambda old: old.get(name, Record()).after(result, commit, seconds, at), name)

    def change(self, by: Callable[[dict[str, Record]], Record], name: str) -> None:
        with locked(self.file.with_suffix(".lock"), timeout=60):
            if self.file.exists() and not self.read():
                self.file.replace(self.file.with_suffix(".unreadable"))
            records = self.read()
            records[name] = by(records)
            document = {"format": FORMAT, "suites": {k: asdict(v) for k, v in records.items()}}
            aside = self.file.with_suffix(".new")
            with aside.open("w", encoding="utf-8") as sink:
                json.dump(document, sink, indent=1, sort_keys=True)
                sink.flush()
                os.fsync(sink.fileno())
            aside.replace(self.file)


def parse(text: str) -> dict[str, Record]:
    """The records that `text` holds. Raises ValueError for anything else."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']} is not {FORMAT}")
        return {str(name): _record(entry) for name, entry in document["suites"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no records of suites: {error}") from None


def _record(entry: dict[str, object]) -> Record:
    passed, seconds = entry["passed"], entry["seconds"]
    if not isinstance(passed, list) or not isinstance(seconds, list):
        raise TypeError("passed and seconds are lists")
    commits = tuple(str(commit) for commit in passed)
    if not all(COMMIT.fullmatch(commit) for commit in commits):
        raise ValueError("a commit is forty hexadecimal digits or more")
    times = tuple(float(commit) for commit in seconds)
    return Record(commits, times, str(entry["tried"]), str(entry["result"]))
