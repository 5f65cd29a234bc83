"""Attempts at a job: what they tell of a change, and when another is due. Pure functions.

An attempt tells something only if the command ran in what it asked for. One whose executor lost it,
or that got no pod, is made again: a few times, with pauses, and then nothing is known.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from deploykit.gate.builds import Status
from deploykit.jobs import JobState, Result

TRIES = 3  # of a job that could not be run, not of one that failed
PAUSES = (60.0, 240.0)  # seconds before the second and the third try to get a pod


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a job: its number from 1, how its executor has it, and why it got no pod ('' if it
    did, or wants none)."""

    number: int
    state: JobState
    no_pod: str = ""

    @property
    def ended(self) -> bool:
        return not self.state.running

    @property
    def status(self) -> Status:
        """RUNNING also as long as another attempt is to come."""
        if not self.ended:
            return Status.RUNNING
        if self.no_pod or not self.state.is_verdict:
            return Status.NO_VERDICT if self.number >= TRIES else Status.RUNNING
        return Status.PASSED if self.state.result == Result.PASSED else Status.FAILED

    @property
    def why(self) -> str:
        """Why it told nothing, or will not; '' for one that runs or told something."""
        if not self.ended or self.status in (Status.PASSED, Status.FAILED):
            return ""
        return f"no pod: {self.no_pod}" if self.no_pod else f"{self.state.result}"

    def next_at(self) -> datetime | None:
        """When another attempt is due; None if none is."""
        if not self.ended or self.status is not Status.RUNNING:
            return None
        ended = (self.state.ended or self.state.requested).replace(microsecond=0)  # as utc_now is
        return ended + timedelta(seconds=PAUSES[self.number - 1] if self.no_pod else 0)


def combined(jobs: Collection[Status]) -> Status:
    """How far a build is whose jobs are that far. A job that failed counts, whatever the rest."""
    failed = Status.FAILED in jobs
    if not all(status.over for status in jobs):
        return Status.FAILING if failed else Status.RUNNING
    if failed:
        return Status.FAILED
    return Status.NO_VERDICT if Status.NO_VERDICT in jobs else Status.PASSED
