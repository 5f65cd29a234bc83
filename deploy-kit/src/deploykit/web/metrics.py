"""Figures for Prometheus: what runs where, what waits for what, how checks ended. No secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from deploykit.base.printable import one_line
from deploykit.board.notices import About, notices
from deploykit.web.snapshot import Snapshot

PREFIX = "deploykit"

__all__ = ["CONTENT_TYPE", "metrics_text"]


def metrics_text(snapshot: Snapshot, read: datetime) -> bytes:
    """All metrics in Prometheus' text format; `read` is when the ledger was last read."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(snapshot, read))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, snapshot: Snapshot, read: datetime) -> None:
        self._snapshot = snapshot
        self._read = read

    def collect(self) -> Iterable[Metric]:
        yield from _ledger(self._snapshot, self._read)
        yield from _running(self._snapshot)
        yield from _coming(self._snapshot)
        yield from _in_force(self._snapshot)
        yield from _checks(self._snapshot)
        yield from _delivery(self._snapshot)


def _ledger(snapshot: Snapshot, read: datetime) -> Iterator[Metric]:
    yield _one("ledger_records", "Records of the ledger that verify", len(snapshot.records))
    if snapshot.records:
        newest = snapshot.records[-1].time.timestamp()
        yield _one("ledger_newest_record_timestamp_seconds", "When the last was made", newest)
    yield _one("ledger_read_timestamp_seconds", "When the ledger was last read", read.timestamp())
    trouble = snapshot.trouble is not None
    yield _one("ledger_trouble", "1 if it cannot be read, or has to be mended", trouble)


def _running(snapshot: Snapshot) -> Iterator[Metric]:
    runs = _family("release_info", "The release that an environment runs; always 1",
                   "environment", "version", "digest")  # fmt: skip
    since = _family("release_since_timestamp_seconds", "Since when it does", "environment")
    busy = _family("deploy_in_flight", "1 if a deploy is under way", "environment")
    failed = _family("last_deploy_failed", "1 if the last deploy failed", "environment")
    for line in snapshot.lines:
        name = line.environment
        if line.running is not None:
            runs.add_metric([name, _label(line.running.version), line.running.digest], 1)
            since.add_metric([name], line.running.since.timestamp())
        busy.add_metric([name], line.busy)
        failed.add_metric([name], line.last is not None and line.last.phase == "failed")
    yield from (runs, since, busy, failed)


def _coming(snapshot: Snapshot) -> Iterator[Metric]:
    """What could come next: by `may_enter` whether it may, else how many reasons there are."""
    may = _family("next_may_enter", "1 if the release that comes next may enter, 0 if it waits",
                  "environment", "version")  # fmt: skip
    reasons = _family("next_waits", "Reasons against its entry, by code", "environment", "reason")
    for line in snapshot.lines:
        if line.next is None:
            continue
        verdict = line.next.verdict
        may.add_metric([line.environment, _label(line.next.version)], verdict.allowed)
        codes = [reason.code for reason in verdict.reasons]
        for code in dict.fromkeys(codes):
            reasons.add_metric([line.environment, code], codes.count(code))
    yield from (may, reasons)


def _in_force(snapshot: Snapshot) -> Iterator[Metric]:
    decided = _family("decisions_in_force", "Holds, pins and vetoes that hold now",
                      "environment", "decision")  # fmt: skip
    notable = _family("notices", "What should be looked at", "environment", "about")
    for line in snapshot.lines:
        codes = [reason.code for reason in line.in_force]
        for code in ("hold", "pin", "veto"):
            decided.add_metric([line.environment, code], codes.count(code))
        urgent = [notice.about for notice in notices(line, snapshot.made) if notice.urgent]
        for about in About:
            notable.add_metric([line.environment, about], urgent.count(about))
    yield from (decided, notable)


def _checks(snapshot: Snapshot) -> Iterator[Metric]:
    ended = _family("check_passed", "1 if a check of what runs passed last, 0 if it failed",
                    "environment", "check")  # fmt: skip
    at = _family("check_timestamp_seconds", "When that was", "environment", "check")
    flaky = _family("check_flake_ratio", "Contents on which a check both failed and passed",
                    "environment", "check")  # fmt: skip
    for line in snapshot.lines:
        for check, result in line.marks:
            labels = [line.environment, _label(check)]
            if result != "not-applicable":
                ended.add_metric(labels, result == "passed")
            at.add_metric(labels, line.marked[check].timestamp())
        for history in snapshot.histories.get(line.environment, ()):
            flaky.add_metric([line.environment, _label(history.check)], history.flake_rate)
    yield from (ended, at, flaky)


def _delivery(snapshot: Snapshot) -> Iterator[Metric]:
    per_week = _family("deployments_per_week", "Deployments that finished", "environment")
    rate = _family("change_failure_ratio", "Deployments that failed", "environment")
    lead = _family("lead_time_seconds", "From the cut of a release, median", "environment")
    restore = _family("time_to_restore_seconds", "After a failed deployment, median", "environment")
    for name, figures in snapshot.deliveries.items():
        per_week.add_metric([name], figures.per_week)
        if figures.failure_rate is not None:
            rate.add_metric([name], figures.failure_rate)
        if figures.lead_time is not None:
            lead.add_metric([name], figures.lead_time.median)
        if figures.restore is not None:
            restore.add_metric([name], figures.restore.median)
    yield from (per_week, rate, lead, restore)


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=labels)


def _label(text: str) -> str:
    """Text of others as the value of a label."""
    return one_line(text, 100)
