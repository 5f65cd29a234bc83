"""What a deployment comes to: a running environment, bare nodes, or one that lost its master."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import Refused
from deploykit.ledger.records import Record
from deploykit.ledger.view import last_finished, latest_attempts, running
from deploykit.nodes.inventory import Inventory
from deploykit.rollout.origins import marked
from deploykit.rollout.work import Work
from deploykit.secrets.store import exports_of


@dataclass(frozen=True, slots=True)
class Origin:
    """`bare`: nothing but this release ever came to any of the nodes, and it came to no end.

    `used` are the nodes on which a release ran, `secrets` tells whether the master has a store.
    """

    bare: bool
    used: tuple[str, ...]
    secrets: bool


def origin_of(
    records: Sequence[Record],
    environment: str,
    release: str,
    since: Mapping[str, int],
    secrets: bool,
) -> Origin:
    """The origin of a deployment of `release`, a digest, to nodes with the marks `since`.

    A node is in use if a deployment came to its end in the environment after its mark was made.
    """
    ended = last_finished(records, environment)
    end = ended.last if ended else 0
    used = tuple(sorted(name for name, mark in since.items() if mark == 0 or end > mark))
    first = min(since.values())
    later = itertools.takewhile(lambda a: a.n > first, latest_attempts(records, environment))
    others = any(attempt.release != release for attempt in later)
    return Origin(bare=not used and not others, used=used, secrets=secrets)


def look(work: Work, inventory: Inventory, records: Sequence[Record], release: str) -> Origin:
    """The origin of a deployment of `release` (a digest) that is about to begin.

    Nodes are asked only where the master has no release or no secrets; those without a mark get
    one. Raises NodeUnreachable.
    """
    found = work.master(inventory).look()
    if found["current"] and found["secrets"]:
        return Origin(bare=False, used=tuple(host.name for host in inventory.hosts), secrets=True)
    since = marked(inventory, records[-1].n)
    return origin_of(records, inventory.environment.name, release, since, found["secrets"])


def lost_secrets(records: Sequence[Record], environment: str, origin: Origin) -> bool:
    """Whether the nodes work with secrets that their master does not have (any more)."""
    return not origin.secrets and bool(origin.used) and running(records, environment) is not None


def refuse_lost_secrets(work: Work, inventory: Inventory, version: str, origin: Origin) -> None:
    """Raise Refused, with both ways to go on."""
    name = inventory.environment.name
    there = exports_of(work.site, inventory.instance)
    file = there[-1] if there else Path("FILE")
    nodes = ", ".join(origin.used)
    raise Refused(
        f"{name}: the master has no secrets, and {nodes} work with those of the master before: new "
        "ones would not fit what lies encrypted there, and no service would know the others",
        f"deploy-kit secrets restore {name} --from {file}\n"
        f"if no export is left: deploy-kit deploy {version} {name} --new-secrets makes new ones",
    )
