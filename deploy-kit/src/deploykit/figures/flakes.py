"""Checks over time, and how flaky they are: failed and passed on the same content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from deploykit.ledger.schema import Result
from deploykit.ledger.view import Evidence

SHOWN = 60  # attempts that are told one by one


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt of a check: the record that tells of it, when, of which release, how it ended,
    after how many seconds."""

    record: int
    time: datetime
    version: str
    result: Result
    seconds: float


@dataclass(frozen=True, slots=True)
class CheckHistory:
    """The attempts of a check in an environment and on copies of it.

    A content is a release on its way from one digest: what was tried there is the same thing.
    Of `contents` that were tried, `repeated` were so more than once, and `flaky` both failed and
    passed. `flake_rate` is the part of all contents that are flaky, 0 to 1: as in Google's
    definition of a flaky test, one that "exhibits both a passing and a failing result with the same
    code" (https://testing.googleblog.com/2016/05/flaky-tests-at-google-and-how-we.html). What was
    tried once may be flaky and is not seen to be. `last` are the newest attempts, oldest first.
    """

    environment: str
    check: str
    attempts: int
    failed: int
    contents: int
    repeated: int
    flaky: int
    flake_rate: float
    last: tuple[Tried, ...]


def check_histories(
    evidence: Iterable[Evidence], since: datetime
) -> dict[str, tuple[CheckHistory, ...]]:
    """The history of each check since a time, by environment, the most flaky first.

    What was not applicable was not tried.
    """
    grouped: dict[tuple[str, str], list[Evidence]] = {}
    for entry in evidence:
        if entry.time >= since and entry.result != Result.NOT_APPLICABLE:
            grouped.setdefault((entry.environment, entry.check), []).append(entry)
    by_environment: dict[str, list[CheckHistory]] = {}
    for (environment, check), entries in grouped.items():
        by_environment.setdefault(environment, []).append(_history(environment, check, entries))
    return {
        name: tuple(sorted(histories, key=_order)) for name, histories in by_environment.items()
    }


def _history(environment: str, check: str, entries: Sequence[Evidence]) -> CheckHistory:
    results: dict[tuple[str, str | None], list[Result]] = {}
    for entry in entries:
        results.setdefault((entry.release, entry.over), []).append(entry.result)
    flaky = sum(len(set(ends)) > 1 for ends in results.values())
    return CheckHistory(
        environment=environment,
        check=check,
        attempts=len(entries),
        failed=sum(entry.result == Result.FAILED for entry in entries),
        contents=len(results),
        repeated=sum(len(ends) > 1 for ends in results.values()),
        flaky=flaky,
        flake_rate=flaky / len(results),
        last=tuple(
            Tried(entry.n, entry.time, entry.version, entry.result, entry.seconds)
            for entry in entries[-SHOWN:]
        ),
    )


def _order(history: CheckHistory) -> tuple[float, str]:
    return (-history.flake_rate, history.check)
