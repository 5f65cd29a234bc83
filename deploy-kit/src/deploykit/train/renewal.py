"""What ends is made anew in good time: by deploying what runs (ADR 033), from a timer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from deploykit.base import times
from deploykit.base.errors import Refused
from deploykit.care import look, warnings
from deploykit.ledger import Ledger
from deploykit.ledger.view import Running, last_deployed, running
from deploykit.release import release_of
from deploykit.release.cutting import build_release
from deploykit.rollout.work import Work
from deploykit.secrets.store import Secret, listed, rotate
from deploykit.site.description import environment_digest
from deploykit.site.environment import Environment
from deploykit.train.deploy import deploy


@dataclass(frozen=True, slots=True)
class Renewal:
    """Whether `version` was deployed again, which rings were turned, and what is late all the
    same, in words."""

    version: str
    deployed: bool
    rotated: tuple[str, ...]
    late: tuple[str, ...]


def due(deployed: datetime | None, now: datetime, after: timedelta) -> bool:
    """Whether the last deployment, if there was one, is so long ago that what runs is due."""
    return deployed is None or now - deployed >= after


def rings_due(secrets: tuple[Secret, ...], after: timedelta) -> list[str]:
    """The rings of keys that turn: those that drop old keys, and have not turned for so long.

    One that turned and was not deployed yet waits for the deployment.
    """
    return [
        one.name
        for one in secrets
        if one.keep is not None
        and not one.waiting
        and (one.age is None or one.age >= after.total_seconds())
    ]


def refuse_other_files(runs: Running, environment: Environment) -> None:
    """Raise Refused if the environment's files say something else than stands.

    A timer brings nobody's change about.
    """
    if runs.environment_digest not in (None, environment_digest(environment)):
        raise Refused(
            f"{environment.name}: its files were changed since it was deployed",
            f"bring that about first: deploy-kit deploy {runs.version} {environment.name}",
        )


def renew(work: Work, ledger: Ledger, environment: Environment, after: timedelta) -> Renewal:
    """Deploy what runs in `environment` again if that was not done for `after`; then look.

    Rings of token keys turn before. Raises Refused where nothing runs, where
    files were edited since, or policy says no, and whatever `deploy` raises.
    """
    records = ledger.fetch_records()
    runs = running(records, environment.name)
    if runs is None:
        raise Refused(f"{environment.name}: nothing runs there", "deploy a release first")
    inventory = work.inventory(environment)
    rotated: list[str] = []
    again = due(last_deployed(records, environment.name), times.utc_now(), after)
    if again:
        refuse_other_files(runs, environment)
        if rings := rings_due(listed(work, inventory), after):
            rotated = rotate(work, ledger, inventory, rings)["rotated"]
        release = build_release(work.site, ledger, release_of(work.site, records, runs.digest))
        deploy(work, ledger, release, environment)
    seen = look(work, inventory)
    deployed = last_deployed(ledger.fetch_records(), environment.name)
    late = warnings(environment.name, seen, deployed, times.utc_now())
    return Renewal(runs.version, again, tuple(rotated), tuple(late))
