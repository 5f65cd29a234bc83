"""What the check `alerts` makes of what monitoring says, and how long it waits for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from deploykit.checks import FAILED, PASSED
from deploykit.checks.alerts import PATIENCE, QUIET, outcome, settled
from deploykit.master.facade import Alert, Alerts


def alert(state: str, name: str = "DatabaseDown") -> Alert:
    return {
        "name": name,
        "state": state,
        "severity": "critical",
        "node": "one",
        "since": "2026-11-29T08:00:00Z",
        "summary": "the database of one does not answer",
        "runbook": "docs/alerts.md#databasedown",
    }


def look(*alerts: Alert, unknown: tuple[str, ...] = ()) -> Alerts:
    return {"watching": ["one"], "unknown": list(unknown), "alerts": list(alerts)}


class Watch:
    """A clock that moves when somebody sleeps, and what monitoring says from which second on."""

    def __init__(self, says: dict[float, Alerts]) -> None:
        self.says = says
        self.now = 0.0

    def ask(self) -> Alerts:
        return self.says[max(since for since in self.says if since <= self.now)]

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def waited(watch: Watch, ask: Callable[[], Alerts] | None = None) -> Alerts:
    return settled(ask or watch.ask, lambda: watch.now, watch.sleep)


def test_nothing_wrong_passes_at_once() -> None:
    watch = Watch({0: look()})
    assert outcome(waited(watch), {}).result == PASSED
    assert watch.now == 0


def test_alert_that_fires_fails_and_says_what_and_where_to_read_on() -> None:
    watch = Watch({0: look(alert("firing"))})
    found = outcome(waited(watch), {})
    assert found.result == FAILED
    assert "DatabaseDown since 2026-11-29T08:00:00Z: the database of one" in found.summary
    assert "docs/alerts.md#databasedown" in found.summary
    assert QUIET <= watch.now < QUIET + 30


def test_what_fired_during_the_deployment_and_is_over_passes() -> None:
    watch = Watch({0: look(alert("firing")), 40: look()})
    assert outcome(waited(watch), {}).result == PASSED


def test_alert_that_pends_is_waited_for_until_it_fires() -> None:
    watch = Watch({0: look(alert("pending")), 120: look(alert("firing"))})
    assert outcome(waited(watch), {}).result == FAILED


def test_alert_that_pends_for_longer_than_anybody_waits_passes_and_is_named() -> None:
    watch = Watch({0: look(alert("pending", "NodeDiskFull"))})
    found = outcome(waited(watch), {})
    assert found.result == PASSED
    assert found.summary.endswith("pending: NodeDiskFull")
    assert watch.now >= PATIENCE


@pytest.mark.parametrize(("until", "result"), [(60, PASSED), (10_000, FAILED)])
def test_rules_that_were_not_evaluated_yet_are_waited_for_and_never_pass(
    until: float, result: object
) -> None:
    watch = Watch({0: look(unknown=("NodeDown",)), until: look()})
    assert outcome(waited(watch), {}).result == result
