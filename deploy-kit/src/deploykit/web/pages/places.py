"""Where a release is: how it stands in one environment, and what stands against its entry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from deploykit.board import Next, Standing
from deploykit.board.notices import entry_command
from deploykit.ledger.view import Released
from deploykit.policy import Verdict, evaluate
from deploykit.web.pages import Why, reasons_why
from deploykit.web.snapshot import Snapshot


class State(StrEnum):
    """How a release stands in an environment. PASSED_OVER: what runs there was cut later.
    NOT_YET: it did not enter; policy was not asked. MAY_ENTER, WAITS: it was."""

    RUNS = "runs"
    RAN = "ran"
    DEPLOYING = "being-deployed"
    UNFINISHED = "left-unfinished"
    FAILED = "failed"
    PASSED_OVER = "passed-over"
    NOT_YET = "not-yet"
    MAY_ENTER = "may-enter"
    WAITS = "waits"


ARRIVED = frozenset({State.RUNS, State.RAN})
ASKED = frozenset({State.NOT_YET, State.FAILED, State.UNFINISHED})  # policy has an answer for these


@dataclass(frozen=True, slots=True)
class Place:
    """A release in an environment: its state there, since when, and until when it ran.

    `why` is what stands against its entry, `command` what brings it in if nothing does; `summary`
    says how a deploy failed.
    """

    environment: str
    source: str | None
    state: State
    since: datetime | None = None
    until: datetime | None = None
    summary: str = ""
    why: tuple[Why, ...] = ()
    command: str = ""


def place_of(snapshot: Snapshot, release: Released, line: Standing) -> Place:
    """How a release stands in the environment of `line`; policy is not asked."""
    name = line.environment
    rule = snapshot.policy.get(name)
    source = rule.source if rule else None
    outcome = snapshot.outcomes[name].get(release.digest)
    if line.running is not None and line.running.digest == release.digest:
        return Place(name, source, State.RUNS, line.running.since)
    if outcome is not None and outcome.last.open and outcome.last == line.last:
        state = State.DEPLOYING if line.busy else State.UNFINISHED
        return Place(name, source, state, outcome.last.since)
    if outcome is not None and outcome.since is not None:
        return Place(name, source, State.RAN, outcome.since, outcome.until)
    if _is_passed_over(snapshot, release, line):
        return Place(name, source, State.PASSED_OVER)
    if outcome is not None:
        last = outcome.last
        return Place(name, source, State.FAILED, last.told, summary=last.summary)
    return Place(name, source, State.NOT_YET)


def judged_place(
    snapshot: Snapshot, release: Released, line: Standing, runnable: frozenset[str]
) -> Place:
    """The same, with policy's answer where the release has not entered. `runnable` are the checks
    that a train can run."""
    place = place_of(snapshot, release, line)
    if place.state not in ASKED:
        return place
    verdict = _verdict(snapshot, release, line, runnable)
    state = place.state
    if state == State.NOT_YET:
        state = State.MAY_ENTER if verdict.allowed else State.WAITS
    after = Next(release.digest, release.version, place.source, verdict)
    return replace(
        place,
        state=state,
        why=reasons_why(verdict.reasons),
        command=entry_command(after, place.environment) if verdict.allowed else "",
    )


def _verdict(
    snapshot: Snapshot, release: Released, line: Standing, runnable: frozenset[str]
) -> Verdict:
    if line.next is not None and line.next.digest == release.digest:
        return line.next.verdict
    return evaluate(release, line.environment, snapshot.records, snapshot.made, runnable=runnable)


def _is_passed_over(snapshot: Snapshot, release: Released, line: Standing) -> bool:
    if line.running is None or line.running.digest not in snapshot.released:
        return False
    return snapshot.released[line.running.digest].n > release.n
