"""Parts of a region that are lost and come back, and what the region owes its tenants meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cloud import AUTHORITY, Region, down, pinging, wait
from deploykit.providers.lxd.api import Lxd
from deploykit.providers.lxd.plan import Names
from deploykit.site import open_site
from railway import Railway

WELL_SECONDS = 240.0  # until every service and agent is said to be up again
LOSS_PER_CENT = 1.0


def answers(region: Region) -> bool:
    """Whether identity, compute and network answer a new client, and not with an error."""
    line = f"curl -sS -o /dev/null -f -m 5 --cacert {AUTHORITY} https://{region.front}"
    every = " && ".join(f"{line}:{port}/" for port in (5000, 8774, 9696))
    return region.try_on(region.inventory.master.name, every)[0] == 0


@contextmanager
def recovered(region: Region, record: Any, what: str) -> Iterator[None]:
    """The region is well before and, within WELL_SECONDS and without hands, after the block."""
    assert wait(lambda: not down(region), WELL_SECONDS), down(region)
    yield
    begun = time.monotonic()
    assert wait(lambda: not down(region), WELL_SECONDS), down(region)
    record(f"{what}_well_after_seconds", round(time.monotonic() - begun, 1))


def boots(pair: Any, name: str, seconds: float = 0.0) -> None:
    """One more server of the tenant comes up and goes: every service of the way works.

    It is tried anew for `seconds`: what a service that was just lost had in hand ends in an error.
    """
    network = pair.tenant.port(pair.first).network_id
    end = time.monotonic() + seconds
    while True:
        server = pair.tenant.boot(name, network)
        try:
            pair.tenant.ready(server)
            return
        except AssertionError:
            if time.monotonic() > end:
                raise
        finally:
            pair.tenant.delete(server)


@contextmanager
def unnoticed(region: Region, pair: Any, record: Any, what: str) -> Iterator[None]:
    """The region gets over the block, a server boots then, and no instance notices any of it."""
    assert region.ping(pair.address, seconds=WELL_SECONDS)
    with pinging(region, pair.address) as pings:
        with recovered(region, record, what):
            yield
        boots(pair, f"after-{what}")
    assert pings.lost_per_cent <= LOSS_PER_CENT, pings


@contextmanager
def unplugged(railway: Railway, region: Region, node: str) -> Iterator[None]:
    """A node of the region without power; the provider starts it afterwards."""
    site, instance = open_site(railway.folder / "deploy-kit"), region.inventory.instance
    Lxd().stop(node, Names(site.id, instance).project)
    try:
        yield
    finally:
        railway("env", "up", str(instance))
