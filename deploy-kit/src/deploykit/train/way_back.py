"""What a deployment leaves for going back, and which deployments going back undoes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploykit.base.errors import DeployKitError
from deploykit.ledger import Ledger
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose
from deploykit.ledger.view import Attempt, attempts
from deploykit.master.facade import Master
from deploykit.release import Release, release_of
from deploykit.release.cutting import build_release
from deploykit.release.going_back import read_way_back, roles_of
from deploykit.rollout.database import find_before, take_before
from deploykit.rollout.work import Work
from deploykit.site.environment import Environment
from deploykit.site.going_back import DATABASE, RollbackClass, WayBack
from deploykit.train.lease import Lease


@dataclass(frozen=True, slots=True)
class First:
    """What a deployment does before it changes anything, and `words` of it for the ledger."""

    act: Callable[[Master], None]
    words: str = ""


def since_ran(records: Sequence[Record], environment: str, release: str) -> tuple[Attempt, ...]:
    """The deploys into `environment` since `release` (a digest) ran there, that count still.

    Those that failed or were cut off too, since nobody knows how far they came; not those that a
    rollback undid. None where it never ran.
    """
    found: list[Attempt] = []
    for attempt in attempts(records, environment):
        place = _last_end(found, attempt.release)
        undoes = attempt.purpose == Purpose.ROLLBACK and attempt.phase == Phase.FINISHED
        if undoes and place is not None:
            del found[place + 1 :]
        else:
            found.append(attempt)
    place = _last_end(found, release)
    return tuple(found[place + 1 :]) if place is not None else ()


def _last_end(found: Sequence[Attempt], release: str) -> int | None:
    """The place of the last deploy of `release` that came to its end."""
    ends = [
        place
        for place, attempt in enumerate(found)
        if attempt.release == release and attempt.phase == Phase.FINISHED
    ]
    return ends[-1] if ends else None


def keeping_database(
    work: Work, ledger: Ledger, lease: Lease, release: Release, environment: Environment
) -> First | None:
    """The backup that the deployment with `lease` takes; None where going back does not take it.

    What an earlier attempt to deploy the same release took is from before it, and is enough.
    """
    over = lease.over
    if over is None or over == release.digest:
        return None
    records = ledger.known
    if _way_over(work, ledger, records, over, release, environment).kind != RollbackClass.RESTORE:
        return None
    tried = since_ran(records, environment.name, over)
    ours = [attempt.id for attempt in tried if attempt.release == release.digest]

    def keep(master: Master) -> None:
        if find_before(master.list_backups(), ours) is None:
            take_before(work, environment.instance, master, release.version, lease.id)

    return First(keep)


def _way_over(
    work: Work,
    ledger: Ledger,
    records: Sequence[Record],
    over: str,
    release: Release,
    environment: Environment,
) -> WayBack:
    """The class of the edge from the digest `over`; of one that cannot be had here, the one that
    is safe: a backup is taken."""
    from gitshelf.base.errors import GitshelfError

    try:
        older = build_release(work.site, ledger, release_of(work.site, records, over))
    except (DeployKitError, GitshelfError) as error:
        work.progress.say(
            f"what going back from {release.version} will take is not known here: {error.message}"
        )
        known = DATABASE in roles_of(environment)
        return WayBack(RollbackClass.RESTORE if known else RollbackClass.FORWARD_ONLY)
    return read_way_back(work.site, older, release, environment)
