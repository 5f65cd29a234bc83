"""Lead time by stage, and how long releases soaked: where a release waits on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deploykit.figures import Spread, spread
from deploykit.ledger.schema import Phase
from deploykit.ledger.view import Attempt

SHOWN = 10  # releases whose soak is told one by one

Attempts = Mapping[str, Sequence[Attempt]]  # of each environment, oldest first


@dataclass(frozen=True, slots=True)
class Stage:
    """From the environment `source` (None: from the cut) into `environment`: seconds from when a
    release first ran in the one until it first ran in the other."""

    source: str | None
    environment: str
    seconds: Spread | None


@dataclass(frozen=True, slots=True)
class Soaked:
    """How many seconds a release ran in `source` before its first deploy further on began."""

    version: str
    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Soak:
    """How long releases soaked in `source` before `environment`, the newest last; `asked` are the
    seconds that the policy of now asks for."""

    source: str
    environment: str
    asked: int
    releases: tuple[Soaked, ...]


def stages(
    sources: Mapping[str, str | None],
    attempts: Attempts,
    cut: Mapping[str, datetime],
    since: datetime,
) -> tuple[Stage, ...]:
    """The lead time of each stage, of releases that came to its end since a time.

    `sources` are the environments in the order of promotion, each with the one that it is promoted
    from; `cut` has the time at which each release was cut, by digest.
    """
    ran = {name: first_run(attempts.get(name, ())) for name in sources}
    lead_times = []
    for name, source in sources.items():
        left = cut if source is None else ran.get(source, {})
        seconds = [
            (arrived - left[release]).total_seconds()
            for release, arrived in ran[name].items()
            if arrived >= since and release in left and arrived >= left[release]
        ]
        lead_times.append(Stage(source, name, spread(seconds)))
    return tuple(lead_times)


def soaks(
    sources: Mapping[str, str | None], attempts: Attempts, asked: Mapping[str, int]
) -> tuple[Soak, ...]:
    """How long the last releases soaked before each environment that has a source."""
    soaked = []
    for name, source in sources.items():
        if source is None:
            continue
        ran = first_run(attempts.get(source, ()))
        began: dict[str, Attempt] = {}
        for attempt in attempts.get(name, ()):
            began.setdefault(attempt.release, attempt)
        releases = [
            Soaked(
                attempt.version,
                attempt.since,
                (attempt.since - ran[attempt.release]).total_seconds(),
            )
            for attempt in began.values()
            if attempt.release in ran and attempt.since >= ran[attempt.release]
        ]
        soaked.append(Soak(source, name, asked.get(name, 0), tuple(releases[-SHOWN:])))
    return tuple(soaked)


def first_run(attempts: Sequence[Attempt]) -> dict[str, datetime]:
    """When each release first ran in an environment, by digest."""
    arrivals: dict[str, datetime] = {}
    for attempt in attempts:
        if attempt.phase == Phase.FINISHED:
            arrivals.setdefault(attempt.release, attempt.told)
    return arrivals
