"""The rules of time: soaking in the environment before, and freezes. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from deploykit.base import times
from deploykit.ledger import view
from deploykit.policy.case import FREEZE, SOAK, Case, Reason, is_waived, uncounted, waiver_of
from deploykit.site.windows import closure


@dataclass(frozen=True, slots=True)
class Soak:
    """How long a release has run undisturbed in the environment before.

    `since`: from when it is counted; `disturbance`: what began it anew, in words, '' if nothing
    did; `ready`: when it is long enough.
    """

    since: datetime
    disturbance: str
    ready: datetime


def soak(case: Case) -> list[Reason]:
    """The time that the release has to run undisturbed in `from` first."""
    soaking = soak_of(case)
    if soaking is None or case.now >= soaking.ready:
        return []
    waiver = waiver_of(case, SOAK)
    if is_waived(waiver):
        return []
    version, ready = case.release.version, times.iso(soaking.ready)
    again = f", anew since {soaking.disturbance}" if soaking.disturbance else ""
    text = (
        f"{version} has to run in {case.rule.source} for {timedelta(seconds=case.rule.soak)} "
        f"first: until {ready}{again}{uncounted(waiver)}"
    )
    return [Reason(SOAK, text, f"wait until {ready}")]


def soak_of(case: Case) -> Soak | None:
    """How the release soaks in `from`; None if it need not, or does not run there.

    A check that failed there, drift and firing alerts begin it anew.
    """
    source = case.rule.source
    runs = view.running(case.records, source) if source else None
    if not case.rule.soak or source is None or runs is None or runs.digest != case.release.digest:
        return None
    since, disturbance = runs.since, ""
    for time, what in view.disturbances(case.records, source, runs.digest):
        if case.rule.undisturbed and time >= since:
            since, disturbance = time, f"{what} at {times.iso(time)}"
    return Soak(since, disturbance, since + timedelta(seconds=case.rule.soak))


def is_frozen(case: Case) -> bool:
    """Whether a window of the calendar is in the way, waived or not."""
    return closure(case.rule.freeze, case.now) is not None


def frozen(case: Case) -> list[Reason]:
    """A window of the calendar in which nothing enters."""
    closed = closure(case.rule.freeze, case.now)
    if closed is None:
        return []
    waiver = waiver_of(case, FREEZE)
    if is_waived(waiver):
        return []
    name = case.environment
    until = f"until {times.iso(closed.until)}" if closed.until else "with no end in sight"
    text = f"{name} is frozen {until}: {closed.reason}{uncounted(waiver)}"
    waive = f"deploy-kit waive {case.release.version} {name} freeze --reason TEXT"
    wait = f"wait until {times.iso(closed.until)}" if closed.until else "deploy-kit policy show"
    return [Reason(FREEZE, text, f"{wait}; in an emergency an admin waives it:\n{waive}")]
