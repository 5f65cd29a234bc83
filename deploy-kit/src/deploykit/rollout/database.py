"""The database of before: a backup that a deployment takes, and how it is found and brought back.

Which deployment took it is written in the backup itself, so that no clock is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from deploykit.base.errors import DeployKitError
from deploykit.master.facade import KeptBackup, Master, NodeBackups
from deploykit.rollout.work import Work
from deploykit.site.instance import Instance

NAMED = "(deploy {})"


@dataclass(frozen=True, slots=True)
class Before:
    """A backup by its name, and when it was taken, in UTC by the clock of its node."""

    name: str
    taken: datetime


def find_before(nodes: Iterable[NodeBackups], deploys: Collection[str]) -> Before | None:
    """The first backup that one of `deploys` (ids) took, of what database nodes have; None without.

    The first: what a later one took may hold what an earlier one had migrated already.
    """
    named = [NAMED.format(deploy) for deploy in deploys]
    found: list[KeptBackup] = [
        one for node in nodes for one in node["backups"] if one["why"].endswith(tuple(named))
    ]
    first = min(found, key=lambda one: one["time"], default=None)
    return Before(first["name"], datetime.fromtimestamp(first["time"], UTC)) if first else None


def take_before(work: Work, instance: Instance, master: Master, version: str, deploy: str) -> None:
    """Take a backup as of before `version`, for the deployment with the id `deploy`.

    Raises DeployKitError where it cannot be had: then there would be no way back.
    """
    with work.progress.step(f"{instance}: a backup of the database, for the way back"):
        try:
            master.backup_database(f"before {version} {NAMED.format(deploy)}")
        except DeployKitError as error:
            raise DeployKitError(
                f"{instance}: {version} moves what only the database of before brings back, and no "
                f"backup can be taken: {error.message}",
                f"none of its states was applied; mend that, then deploy again\n{error.remedy}",
            ) from error


def bring_back(work: Work, instance: Instance, master: Master, backup: str) -> None:
    """Bring the database back to the backup of that name, and nothing later."""
    with work.progress.step(f"{instance}: the database of before") as step:
        master.restore_database(backup, step.note)
