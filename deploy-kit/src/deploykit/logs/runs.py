"""A run: one call of deploy-kit, or a job of others, with its logs as they are kept.

A run in the store is one file, `ID.zst`: a line of JSON that says what it was, then the logs. Texts
are masked and printable when they get there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import zstandard

from deploykit.base import times
from deploykit.base.errors import InputError
from deploykit.base.printable import one_line, printable
from deploykit.logs.masking import masked

FORMAT = 1
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
LOG_MOST = 64 << 20  # bytes of one log that are kept: its end, where failures are told
LEVEL = 9  # of zstandard: 100 kB of a log take about 10


class Ending(StrEnum):
    """How a run ended; `UNKNOWN` if it was killed, or is from before endings were written."""

    PASSED = "passed"
    FAILED = "failed"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Run:
    """What a run was: `began` and `ended` in UTC, `error` what the person was told (one line)."""

    id: str
    command: str
    began: datetime
    ended: datetime
    ending: Ending
    error: str = ""

    def as_json(self) -> dict[str, str]:
        """The same, for machines."""
        values = asdict(self)
        return {**values, "began": times.iso(self.began), "ended": times.iso(self.ended)}


@dataclass(frozen=True, slots=True)
class Log:
    """One log of a run: its file's name, and its text."""

    name: str
    text: str


def run_of(value: Mapping[str, Any]) -> Run:
    """What `Run.as_json` wrote. Raises KeyError, ValueError or TypeError for anything else."""
    return Run(
        id=value["id"],
        command=value["command"],
        began=times.parse(value["began"]),
        ended=times.parse(value["ended"]),
        ending=Ending(value["ending"]),
        error=value["error"],
    )


def demand_id(text: str) -> str:
    """`text` as the id of a run. Raises InputError if it cannot be one."""
    if not ID.fullmatch(text):
        raise InputError(
            f"'{one_line(text)}' is not the name of a run",
            "letters, digits, '.', '_', '~' and '-', at most 128; deploy-kit logs list shows them",
        )
    return text


def read_log(file: Path) -> Log:
    """The end of a log file as text that may be kept: masked and printable.

    Raises InputError if it cannot be read.
    """
    try:
        with file.open("rb") as source:
            size = source.seek(0, 2)
            source.seek(max(0, size - LOG_MOST))
            data = source.read(LOG_MOST)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None
    return cleaned(file.name, data.decode("utf-8", "replace"))


def cleaned(name: str, text: str) -> Log:
    """A log as it may be kept."""
    return Log(one_line(name), printable(masked(text)))


def pack(run: Run, logs: Iterable[Log]) -> bytes:
    """The bytes of a run's file."""
    texts = [{"name": log.name, "text": log.text} for log in logs]
    document = {"format": FORMAT, "run": run.as_json(), "logs": texts}
    return zstandard.ZstdCompressor(level=LEVEL).compress(json.dumps(document).encode())


def unpack(data: bytes) -> tuple[Run, list[Log]]:
    """The run and its logs. Raises ValueError if the bytes are no run."""
    try:
        document = json.loads(zstandard.ZstdDecompressor().decompress(data))
        return run_of(document["run"]), [Log(**log) for log in document["logs"]]
    except (zstandard.ZstdError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from None
