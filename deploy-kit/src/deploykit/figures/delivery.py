"""DORA's four figures of one environment: deployment frequency, lead time for changes, change
failure rate, time to restore (https://dora.dev/guides/dora-metrics-four-keys/)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deploykit.figures import Spread, spread
from deploykit.figures.deployments import Deployment

WEEKS = 12
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Week:
    """The deployments that ended in the week that begins on Monday `begins`, at midnight UTC:
    `finished`, of which some may have been taken back later, and `failed`, those among them."""

    begins: datetime
    finished: int
    failed: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """The four figures of `environment` from `since` on: the present week and those before it.

    `per_week`: deployment frequency, of those that finished. `lead_time`: seconds from the cut of a
    release until it first ran there; DORA counts from the commit, which no record tells.
    `failure_rate`: the part of all deployments that failed or were rolled back, 0 to 1, None
    without any. `restore`: seconds from the end of a failed one until a deploy went well again.
    `unrestored`: failed ones after which none has.
    """

    environment: str
    since: datetime
    deployments: int
    failed: int
    per_week: float
    lead_time: Spread | None
    failure_rate: float | None
    restore: Spread | None
    unrestored: int
    weeks: tuple[Week, ...]


def delivery(
    environment: str,
    deployments: Sequence[Deployment],
    cut: Mapping[str, datetime],
    began: datetime,
    now: datetime,
) -> Delivery:
    """The four figures of an environment's `deployments` at `now`.

    `cut` has the time at which each release was cut, by digest; `began` is when the ledger did:
    weeks before that are not counted as weeks without deployments.
    """
    weeks = _weeks(now, began)
    since = weeks[0]
    counted = [deployment for deployment in deployments if deployment.ended >= since]
    finished = [deployment for deployment in counted if deployment.finished]
    failed = [deployment for deployment in counted if deployment.failed]
    restored = [s for deployment in failed if (s := deployment.seconds_to_restore) is not None]
    return Delivery(
        environment=environment,
        since=since,
        deployments=len(finished),
        failed=len(failed),
        per_week=len(finished) / max(1.0, (now - max(since, began)) / WEEK),
        lead_time=spread(_lead_times(deployments, cut, since)),
        failure_rate=len(failed) / len(counted) if counted else None,
        restore=spread(restored),
        unrestored=len(failed) - len(restored),
        weeks=tuple(_week(begins, counted) for begins in weeks),
    )


def monday(time: datetime) -> datetime:
    """Midnight UTC of the Monday of an aware UTC time's week."""
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def _weeks(now: datetime, began: datetime) -> list[datetime]:
    """The Mondays of the weeks that are counted, oldest first."""
    last = monday(now)
    first = max(last - (WEEKS - 1) * WEEK, monday(began))
    return [first + place * WEEK for place in range((last - first) // WEEK + 1)]


def _week(begins: datetime, deployments: Sequence[Deployment]) -> Week:
    within = [
        deployment for deployment in deployments if begins <= deployment.ended < begins + WEEK
    ]
    return Week(
        begins,
        sum(deployment.finished for deployment in within),
        sum(deployment.failed for deployment in within),
    )


def _lead_times(
    deployments: Sequence[Deployment], cut: Mapping[str, datetime], since: datetime
) -> list[float]:
    """From the cut of each release that first ran there since then until it did, in seconds."""
    first: dict[str, datetime] = {}
    for deployment in deployments:
        if deployment.finished:
            first.setdefault(deployment.release, deployment.ended)
    return [
        (ended - cut[release]).total_seconds()
        for release, ended in first.items()
        if ended >= since and release in cut
    ]
