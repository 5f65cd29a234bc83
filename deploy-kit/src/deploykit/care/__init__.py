"""What was seen of how an environment is kept: its newest backup, and when what ends does.

Seeing it takes a session with the master, so it is written down in the state folder; `status` tells
of what this machine saw last.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploykit.base import files, times
from deploykit.master.facade import NodeBackups, SecretEntry
from deploykit.nodes.inventory import Inventory
from deploykit.rollout.work import Work
from deploykit.site import Site
from deploykit.site.instance import Instance

FOLDER = "care"
# Certificates are made anew when they have 60 days left, by whatever deployment comes then.
LATE = timedelta(days=30)  # a certificate that ends sooner was overlooked
QUIET = timedelta(days=45)  # without a deployment: the first may end in 15 days


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen `at` a time. `backup` is when the newest one was taken, None without any;
    `stale` after how many seconds it is too old, 0 where there is no database; `ends` when the
    first certificate of the region's authority does, `given` when the first one that was given;
    None without any."""

    at: datetime
    backup: datetime | None
    stale: int
    ends: datetime | None
    given: datetime | None = None


def look(work: Work, inventory: Inventory, nodes: list[NodeBackups] | None = None) -> Look:
    """Ask the environment's master, and write down what it says. Raises DeployKitError.

    `nodes` is what it said of backups, where that was asked already.
    """
    master = work.master(inventory)
    if nodes is None:
        roles = {role for host in inventory.hosts for role in host.roles}
        nodes = master.list_backups() if "database" in roles else []
    endpoints = inventory.environment.endpoints
    shown = endpoints is not None and endpoints.outside  # else one that was given is seen by nobody
    secrets = [one for one in master.list_secrets() if shown or not one["given"]]
    seen = seen_in(nodes, secrets, times.utc_now())
    remember(work.site, inventory.instance, seen)
    return seen


def seen_in(nodes: list[NodeBackups], secrets: list[SecretEntry], now: datetime) -> Look:
    """What the answers of database nodes and of the store of secrets come to."""
    taken = [one["time"] for node in nodes for one in node["backups"]]
    return Look(
        at=now,
        backup=datetime.fromtimestamp(max(taken), UTC) if taken else None,
        stale=min((node["stale"] for node in nodes if "stale" in node), default=0),
        ends=_first_end(one for one in secrets if not one["given"]),
        given=_first_end(one for one in secrets if one["given"]),
    )


def _first_end(secrets: Iterable[SecretEntry]) -> datetime | None:
    """When the first of them ends, None if none does."""
    return min(
        (datetime.fromisoformat(one["ends"]) for one in secrets if one["ends"]), default=None
    )


def remember(site: Site, instance: Instance, seen: Look) -> None:
    """Write down what was seen of an instance."""
    file = _file(site, instance)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = {
        "at": times.iso(seen.at),
        "backup": times.iso(seen.backup) if seen.backup else None,
        "stale": seen.stale,
        "ends": times.iso(seen.ends) if seen.ends else None,
        "given": times.iso(seen.given) if seen.given else None,
    }
    files.write(file, json.dumps(told), mode=0o600)


def remembered(site: Site, instance: Instance) -> Look | None:
    """What was seen last of an instance from this machine; None if nothing was."""
    try:
        told = json.loads(_file(site, instance).read_text(encoding="utf-8"))
        return Look(
            at=times.parse(told["at"]),
            backup=times.parse(told["backup"]) if told["backup"] else None,
            stale=int(told["stale"]),
            ends=times.parse(told["ends"]) if told["ends"] else None,
            given=times.parse(told["given"]) if told.get("given") else None,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it is seen anew by the next look


def warnings(
    environment: str, seen: Look | None, deployed: datetime | None, now: datetime
) -> list[str]:
    """What is late in an environment, in words, with the command for it.

    `deployed` is when the last deployment there ended, None if there was none.
    """
    found = []
    if seen is not None and seen.stale:
        limit = timedelta(seconds=seen.stale)
        if seen.backup is None or now - seen.backup > limit:
            newest = f"the newest is {times.age(seen.backup, now)} old" if seen.backup else "none"
            found.append(
                f"backups of the database: {newest}, seen {times.iso(seen.at)}: "
                f"deploy-kit database list {environment}"
            )
    if seen is not None and seen.given is not None and seen.given - now < LATE:
        found.append(
            f"the certificate for outsiders ends {times.iso(seen.given)}: "
            f"deploy-kit secrets give {environment} NAME --certificate FILE --key FILE"
        )
    if seen is not None and seen.ends is not None and seen.ends - now < LATE:
        found.append(
            f"a certificate ends {times.iso(seen.ends)}: deploy-kit renew {environment} --now"
        )
    elif deployed is not None and now - deployed > QUIET:
        found.append(
            f"last deployed {times.age(deployed, now)} ago, and certificates are renewed by "
            f"deployments: deploy-kit renew {environment}"
        )
    return found


def _file(site: Site, instance: Instance) -> Path:
    return site.state / FOLDER / f"{instance}.json"
