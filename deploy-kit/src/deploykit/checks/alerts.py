"""Alerts: what watches the environment sees nothing wrong."""

from __future__ import annotations

import time
from collections.abc import Callable

from deploykit.base.errors import InputError
from deploykit.checks import FAILED, PASSED, Occasion, Outcome, Packages
from deploykit.master.facade import Alert
from deploykit.master.facade import Alerts as Look
from deploykit.nodes.packages import packages_by_role
from deploykit.rollout.work import Work

ROLE = "monitoring"
# Seconds. A rule of this content waits 5 minutes at most before it fires, but for those of what
# fills up or ends in days; what fired during a deployment is quiet two evaluations later.
PATIENCE = 330.0
QUIET = 75.0
PAUSE = 10.0


class Alerts:
    """Monitoring sees what no test asks for: a disk that fills, a peer that does not come back."""

    name = "alerts"
    summary = "no alert of the environment's monitoring fires"
    on_copy = False

    def run(self, work: Work, occasion: Occasion) -> Outcome:
        live = occasion.live
        assert live is not None
        if not any(ROLE in host.roles for host in live.hosts):
            raise InputError(
                f"{live.instance}: no node has the role '{ROLE}', so nobody knows of alerts",
                f"give it to one of its nodes, or take '{self.name}' out of promotion.checks",
            )
        with work.progress.step(f"{live.instance}: alerts"):
            look = settled(work.master(live).alerts)
        return outcome(look, packages_by_role(live))


def settled(
    ask: Callable[[], Look],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Look:
    """The first look in which nothing is about to change, or the last one when the time is over.

    An alert that pends, or a rule that was not evaluated yet, is waited for PATIENCE seconds at
    most; one that fires is looked at again for QUIET seconds.
    """
    began = clock()
    while True:
        look = ask()
        firing = any(alert["state"] == "firing" for alert in look["alerts"])
        waiting = bool(look["unknown"]) or bool(look["alerts"])
        if not waiting or clock() - began >= (QUIET if firing else PATIENCE):
            return look
        sleep(PAUSE)


def outcome(look: Look, packages: Packages) -> Outcome:
    """Failed if an alert fires or a rule cannot be evaluated; who only pends is named."""
    firing = [told(alert) for alert in look["alerts"] if alert["state"] == "firing"]
    blind = [f"the rule {name} cannot be evaluated" for name in look["unknown"]]
    if firing or blind:
        return Outcome(FAILED, "; ".join([*firing, *blind][:10]), packages)
    pending = sorted({alert["name"] for alert in look["alerts"]})
    rest = f"; pending: {', '.join(pending)}" if pending else ""
    return Outcome(PASSED, f"no alert fires, say {', '.join(look['watching'])}{rest}", packages)


def told(alert: Alert) -> str:
    """An alert in one line, with where to read on."""
    return f"{alert['name']} since {alert['since']}: {alert['summary']} ({alert['runbook']})"
