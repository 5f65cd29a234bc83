"""Deploys of one environment as DORA counts them: what changed it, what failed, what mended it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from deploykit.ledger.schema import Phase, Purpose
from deploykit.ledger.view import Attempt


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deploy that was to change what an environment runs, and came to its end at `ended`.

    `finished`: the release ran there then. `failed`: it did not, or a rollback took the release
    away again; `restored` is when a deploy next went well after that, None as long as none has.
    """

    release: str
    ended: datetime
    finished: bool
    failed: bool
    restored: datetime | None = None

    @property
    def seconds_to_restore(self) -> float | None:
        """From the end of a failed deploy until the environment was well again."""
        return None if self.restored is None else (self.restored - self.ended).total_seconds()


def deployments(attempts: Sequence[Attempt]) -> tuple[Deployment, ...]:
    """The deployments among the `attempts` of one environment, oldest first.

    A deploy of the release that runs there already changes nothing, unless it brings about other
    files of the environment; a rollback is no deployment but the end of one that failed.
    """
    done: list[Deployment] = []
    running: Attempt | None = None
    brought: int | None = None  # the place in `done` of what runs
    failed: list[int] = []  # the places of those that nothing has restored yet
    for attempt in attempts:
        if attempt.open:
            continue
        finished = attempt.phase == Phase.FINISHED
        if attempt.purpose == Purpose.ROLLBACK:
            if finished and _takes_away(attempt, running) and brought is not None:
                done[brought] = replace(done[brought], failed=True)
                failed.append(brought)
        elif _changes(attempt, running):
            done.append(_deployment(attempt, finished))
            if not finished:
                failed.append(len(done) - 1)
        if finished:
            for place in failed:
                done[place] = replace(done[place], restored=attempt.told)
            failed.clear()
            brought = _brought_by(attempt, running, brought, len(done))
            running = attempt
    return tuple(done)


def _deployment(attempt: Attempt, finished: bool) -> Deployment:
    return Deployment(attempt.release, attempt.told, finished, failed=not finished)


def _changes(attempt: Attempt, running: Attempt | None) -> bool:
    if running is None or attempt.release != running.release:
        return True
    before, after = running.environment_digest, attempt.environment_digest
    return before is not None and after is not None and before != after


def _takes_away(rollback: Attempt, running: Attempt | None) -> bool:
    return running is not None and rollback.release != running.release


def _brought_by(
    attempt: Attempt, running: Attempt | None, brought: int | None, count: int
) -> int | None:
    """The place of the deployment that brought what runs after `attempt` finished."""
    if attempt.purpose == Purpose.ROLLBACK:
        return None if _takes_away(attempt, running) else brought
    return count - 1 if _changes(attempt, running) else brought
