"""JUnit XML: what a file of test results says, whoever wrote it."""

from __future__ import annotations

import hashlib
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from deploykit.base.errors import InputError

LIMIT = 64 * 2**20  # bytes: of a file; what is kept of it is small
CHUNK = 2**16
DEPTH = 100
NAMED = 5  # how many failures are named
NAME_LENGTH = 200
LONGEST = timedelta(days=365)
WEST = timezone(timedelta(hours=-12))  # where every time of day comes last
SUITES, SUITE, CASE = "testsuites", "testsuite", "testcase"
# What a case's children say of it; unittest's and subunit's writers call the last one `skip`.
OUTCOMES = {"failure": "failures", "error": "errors", "skipped": "skipped", "skip": "skipped"}
COUNTS = ("tests", "failures", "errors", "skipped")
ALIASES = {"skips": "skipped", "skip": "skipped"}


@dataclass(frozen=True, slots=True)
class Results:
    """The results of one run of tests.

    `began` is when the first test began: by the file's own timestamp where it has one with a time
    zone (`stamped`), else when the file was `written` less `seconds`, the run's wall time, or
    earlier where a timestamp is from before that in any time zone. `broken` names the first
    failures and errors; `digest` is the file's SHA-256.
    """

    file: Path
    digest: str
    tests: int
    failures: int
    errors: int
    skipped: int
    seconds: float
    began: datetime
    stamped: bool
    written: datetime
    broken: tuple[str, ...]

    @property
    def passed(self) -> int:
        return max(0, self.tests - self.failures - self.errors - self.skipped)


def read_results(file: Path) -> Results:
    """What the JUnit XML in `file` says.

    Each test counts by its own element; where a suite says of more than it lists, it is believed.
    Raises InputError naming the file where it cannot be read, is not such XML, is too big, or
    tells of no test at all.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise InputError(f"{file}: it is no file", "write the results into one")
        with file.open("rb") as stream:
            written = datetime.fromtimestamp(os.fstat(stream.fileno()).st_mtime, UTC)
            found, digest = _parsed(file, stream)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None
    counts = found.counts()
    seconds = found.seconds()
    if not counts["tests"]:
        raise InputError(f"{file}: it holds no test", "look whether the tests were found at all")
    if not seconds <= LONGEST.total_seconds():
        raise InputError(f"{file}: its tests took {seconds:.0f} seconds, by its own word")
    return Results(
        file=file,
        digest=digest,
        **counts,
        seconds=seconds,
        began=min(found.stamps or (*found.bounds, written - timedelta(seconds=seconds))),
        stamped=bool(found.stamps),
        written=written,
        broken=tuple(found.broken),
    )


def _parsed(file: Path, stream: BinaryIO) -> tuple[_Reader, str]:
    """Everything that counts, read piece by piece, and the SHA-256 of what was read."""
    parser = expat.ParserCreate()
    reader = _Reader(file, parser)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.doctype
    digest, size = hashlib.sha256(), 0
    try:
        while piece := stream.read(CHUNK):
            size += len(piece)
            if size > LIMIT:
                raise InputError(
                    f"{file}: it has more than {LIMIT // 2**20} MiB",
                    "leave what the tests printed out of it: pytest -o junit_logging=no",
                )
            digest.update(piece)
            parser.Parse(piece, False)
        if not size:
            raise InputError(f"{file}: the file is empty")
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise InputError(f"{file}: not XML: {error}") from None
    return reader, digest.hexdigest()


@dataclass(slots=True)
class _Reader:
    """Sums up elements as they come; `above` are the open ones."""

    file: Path
    parser: expat.XMLParserType
    above: list[str] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)  # by the root
    summed: dict[str, int] = field(default_factory=dict)  # by the suites below it
    listed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    times: dict[str, float] = field(default_factory=dict)  # by the root, the suites, the cases
    stamps: list[datetime] = field(default_factory=list)
    bounds: list[datetime] = field(default_factory=list)  # of those without a time zone
    broken: list[str] = field(default_factory=list)
    name: str = ""
    outcome: str = ""

    def doctype(self, *_: object) -> None:
        raise self.wrong("it declares a document type", "results of tests need none")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        depth, parent = len(self.above), self.above[-1] if self.above else ""
        if not depth and tag not in (SUITES, SUITE):
            raise self.wrong(f"its root is '{tag}', not '{SUITES}' or '{SUITE}'", "write JUnit XML")
        if depth > DEPTH:
            raise self.wrong("its elements lie too deep in one another")
        self.above.append(tag)
        if tag in (SUITES, SUITE):
            self.suite(depth, attributes)
        elif tag == CASE:
            self.listed["tests"] += 1
            self.name, self.outcome = _case_name(attributes), ""
            self.time(CASE, attributes)
            self.stamp(attributes)
        elif parent == CASE and tag in OUTCOMES:
            self.outcome = max(self.outcome, OUTCOMES[tag], key=_weight)

    def end(self, tag: str) -> None:
        self.above.pop()
        if tag != CASE or not self.outcome:
            return
        self.listed[self.outcome] += 1
        if self.outcome != "skipped" and len(self.broken) < NAMED:
            self.broken.append(self.name)

    def suite(self, depth: int, attributes: Mapping[str, str]) -> None:
        """A suite's own counts; those of suites within suites are in the outer one's."""
        self.stamp(attributes)
        if depth > 1:
            return
        into = self.summed if depth else self.told
        for name, text in attributes.items():
            name = ALIASES.get(name, name)
            if name in COUNTS and text:
                into[name] = into.get(name, 0) + self.whole(name, text)
        self.time(SUITE if depth else SUITES, attributes)

    def time(self, level: str, attributes: Mapping[str, str]) -> None:
        if text := attributes.get("time"):
            self.times[level] = self.times.get(level, 0.0) + self.number(text)

    def stamp(self, attributes: Mapping[str, str]) -> None:
        """Keep a moment; without a time zone, the latest that it can be."""
        try:
            moment = datetime.fromisoformat(attributes.get("timestamp", "").strip())
            if moment.tzinfo is not None:
                self.stamps.append(moment.astimezone(UTC))
            else:
                self.bounds.append(moment.replace(tzinfo=WEST).astimezone(UTC))
        except (ValueError, OverflowError):
            pass

    def counts(self) -> dict[str, int]:
        said = (self.told, self.summed, self.listed)
        found = {name: max(each.get(name, 0) for each in said) for name in COUNTS}
        found["tests"] = max(found["tests"], found["failures"] + found["errors"])
        return found

    def seconds(self) -> float:
        levels = [level for level in (SUITES, SUITE, CASE) if level in self.times]
        return self.times[levels[0]] if levels else 0.0

    def whole(self, name: str, text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise self.wrong(f"{name} is '{text[:NAME_LENGTH]}', not a number of tests")
        return int(text)

    def number(self, text: str) -> float:
        """Seconds; some writers set commas between thousands."""
        try:
            value = float(text.replace(",", ""))
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise self.wrong(f"time is '{text[:NAME_LENGTH]}', not a number of seconds")
        return value

    def wrong(self, problem: str, remedy: str = "") -> InputError:
        return InputError(f"{self.file}:{self.parser.CurrentLineNumber}: {problem}", remedy)


def _weight(outcome: str) -> int:
    """How much an outcome counts where a case has several."""
    return ("", "skipped", "errors", "failures").index(outcome)


def _case_name(attributes: Mapping[str, str]) -> str:
    """A case's name with its class's, fit for one line of a terminal."""
    parts = (attributes.get("classname", ""), attributes.get("name", ""))
    text = " ".join(".".join(part for part in parts if part).split())[:NAME_LENGTH]
    return "".join(c if c.isprintable() else "?" for c in text) or "a test without a name"
