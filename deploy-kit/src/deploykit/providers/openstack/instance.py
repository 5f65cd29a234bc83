"""What there is of an instance in a cloud: found by its mark, made, waited for, removed.

Every round looks first. So it does not matter where the one before was cut off, or whether a
request that was not answered was done.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deploykit.base.errors import DeployKitError
from deploykit.base.parallel import answers_of, in_parallel
from deploykit.base.progress import Step
from deploykit.providers.openstack.cloud import Busy, Cloud
from deploykit.providers.openstack.fate import Fate, fate_of
from deploykit.providers.openstack.marks import Mark, read_mark
from deploykit.providers.openstack.plan import (
    ATTACHED,
    ROUTER,
    Wanted,
    attached,
    missing,
    next_steps,
)

AT_ONCE = 8  # requests of one instance; each cloud's pace holds them further
MARKED = ("network", "subnet", "router", "port", "group", "rule", "floating")
# In this order they let go of each other; subnets and rules go with their network and group.
REMOVED = ("floating", "router", "port", "subnet", "network", "group")
MAKE_SECONDS = 900.0  # that making may go without anything new
GONE_SECONDS = 600.0  # that removing may go without anything gone
START_SECONDS = 1800.0  # for a server to be ACTIVE, image on its way to the hypervisor included
PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of an instance, by its word, and what is there twice (kind and id)."""

    seen: dict[str, dict[str, Any]]
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def servers(self) -> dict[str, dict[str, Any]]:
        """The servers, by the name of their node."""
        return {
            what.partition(":")[2]: thing
            for what, thing in self.seen.items()
            if what.startswith("server:")
        }


def look(cloud: Cloud, mark: Mark) -> Found:
    """All that the cloud has of an instance."""
    listings = answers_of([*MARKED, "server"], lambda kind: _listed(cloud, kind), AT_ONCE)
    seen: dict[str, dict[str, Any]] = {}
    extra: list[tuple[str, str]] = []
    for kind, things in listings.items():
        for thing in sorted(things, key=_age):
            what = mark.what_of(thing)
            if what is None:
                continue
            if what in seen:
                extra.append((kind, thing["id"]))
            else:
                seen[what] = thing
    if (port := attached(seen)) is not None:
        seen[ATTACHED] = dict(port)
    return Found(seen, tuple(extra))


def instances_in(cloud: Cloud, site: str) -> set[str]:
    """The instances of a site that a cloud has something of."""
    listings = in_parallel([*MARKED, "server"], lambda kind: _listed(cloud, kind), AT_ONCE)
    marks = [read_mark(thing) for things in listings for thing in things]
    return {mark[1] for mark in marks if mark is not None and mark[0] == site}


def servers_of(cloud: Cloud, mark: Mark) -> dict[str, dict[str, Any]]:
    """The servers of an instance, by the name of their node."""
    servers = sorted(_listed(cloud, "server"), key=_age)
    marked = {what: server for server in servers if (what := mark.what_of(server)) is not None}
    return {what.partition(":")[2]: server for what, server in marked.items()}


def make(cloud: Cloud, mark: Mark, wanted: Iterable[Wanted], found: Found, step: Step) -> Found:
    """Make of `wanted` what is not there, side by side, in the order of what needs what.

    Raises Busy if the cloud takes nothing any more, DeployKitError if it refuses.
    """
    wanted = list(wanted)
    last = time.monotonic()
    for kind, id in found.extra:  # of a request that was done, unheard, and done again
        cloud.remove(kind, id)
    while steps := next_steps(wanted, found.seen):
        left = missing(wanted, found.seen)
        step.note(f"{cloud.name}: {len(wanted) - len(left)} of {len(wanted)}: {steps[0].what}")
        seen = found.seen
        made = in_parallel(steps, lambda one, seen=seen: _try(cloud, one, seen), AT_ONCE)  # type: ignore[misc]
        unsure = [answer for answer in made if isinstance(answer, Busy)]
        for one, thing in zip(steps, made, strict=True):
            if not isinstance(thing, Busy):
                found.seen[one.what] = thing
                last = time.monotonic()
        if unsure:
            if time.monotonic() - last > MAKE_SECONDS:
                raise unsure[0]
            found = look(cloud, mark)
    assert not missing(wanted, found.seen), "what is wanted goes round in a circle"
    return found


def wait_for_servers(
    cloud: Cloud, mark: Mark, nodes: Iterable[str], step: Step
) -> dict[str, dict[str, Any]]:
    """Start what is stopped, and wait until the servers of `nodes` run; they, by node.

    Raises DeployKitError, naming node and fault, for one that will not.
    """
    wanted, started = set(nodes), set[str]()
    end = time.monotonic() + START_SECONDS
    while True:
        servers = {n: one for n, one in servers_of(cloud, mark).items() if n in wanted}
        fates = {node: fate_of(server) for node, server in servers.items()}
        waiting = sorted(wanted - {node for node, fate in fates.items() if fate is Fate.RUNS})
        if not waiting:
            return servers
        for node, fate in fates.items():
            if fate in (Fate.REMOVE, Fate.STUCK):
                raise _stuck(cloud, mark, node, servers[node])
            if fate is Fate.START and node not in started:
                started.add(node)
                path = f"/servers/{servers[node]['id']}/action"
                cloud.act("compute", "POST", path, {"os-start": None})
        if time.monotonic() > end:
            raise cloud.error(
                f"{mark.instance}: {', '.join(waiting)} did not start within "
                f"{START_SECONDS / 60:.0f} min",
                f"'deploy-kit env up {mark.instance}' waits on; openstack server show says more",
            )
        step.note(f"{cloud.name}: servers: {', '.join(waiting)}")
        time.sleep(PAUSE)


def clear_failed(cloud: Cloud, mark: Mark, found: Found) -> Found:
    """Remove servers that never ran, and wait for those on their way out, so that they are made
    anew."""
    fates = {node: fate_of(server) for node, server in found.servers.items()}
    going = {node for node, fate in fates.items() if fate in (Fate.REMOVE, Fate.GOES)}
    if not going:
        return found
    for node in going:
        cloud.remove("server", found.servers[node]["id"])
    wait_gone(cloud, mark, going)
    return look(cloud, mark)


def wait_gone(cloud: Cloud, mark: Mark, nodes: Iterable[str]) -> None:
    """Wait until the servers of `nodes` are no more."""
    wanted = set(nodes)
    end = time.monotonic() + GONE_SECONDS
    while left := wanted & servers_of(cloud, mark).keys():
        if time.monotonic() > end:
            raise cloud.error(
                f"{mark.instance}: {', '.join(sorted(left))} would not go within "
                f"{GONE_SECONDS / 60:.0f} min",
                "openstack server show says why; whoever runs the cloud can reset its state",
            )
        time.sleep(PAUSE)


def remove(cloud: Cloud, mark: Mark, step: Step) -> None:
    """Remove all that has the instance's mark: servers first, then what they stood on."""
    last, least = time.monotonic(), sys.maxsize
    while True:
        found = look(cloud, mark)
        left = len(found.seen) + len(found.extra)
        if not left:
            return
        if left < least:
            last, least = time.monotonic(), left
        if time.monotonic() - last > GONE_SECONDS:
            raise cloud.error(
                f"{mark.instance}: these would not go: {', '.join(sorted(found.seen))}",
                f"'deploy-kit env down {mark.instance}' tries again",
            )
        step.note(f"{cloud.name}: {left} left")
        _remove_round(cloud, found)
        if found.servers:
            wait_gone(cloud, mark, found.servers)


def _remove_round(cloud: Cloud, found: Found) -> None:
    """Ask once for everything to go; what others still hold stays for the next round."""
    servers = [server["id"] for server in found.servers.values()]
    servers += [id for kind, id in found.extra if kind == "server"]
    if servers:
        in_parallel(servers, lambda id: cloud.remove("server", id), AT_ONCE)
        return
    if ATTACHED in found.seen:
        path = f"/routers/{found.seen[ROUTER]['id']}/remove_router_interface"
        _unless_busy(
            lambda: cloud.act("network", "PUT", path, {"port_id": found.seen[ATTACHED]["id"]})
        )
    for kind in REMOVED:
        things = [
            thing["id"]
            for what, thing in found.seen.items()
            if what != ATTACHED and what.partition(":")[0] == kind
        ]
        things += [id for other, id in found.extra if other == kind]
        in_parallel(things, lambda id, kind=kind: cloud.remove(kind, id), AT_ONCE)  # type: ignore[misc]


def _try(cloud: Cloud, one: Wanted, seen: Mapping[str, Mapping[str, Any]]) -> Any:
    """What was made, or the Busy that it ended with: then it is looked for."""
    body = one.filled(seen)
    try:
        if one.kind != "attachment":
            return cloud.make(one.kind, body)
        path = f"/routers/{body['router']}/add_router_interface"
        cloud.act("network", "PUT", path, {"port_id": body["port_id"]})
        return {"id": body["port_id"]}
    except Busy as busy:
        return busy


def _unless_busy(ask: Any) -> None:
    """Ask; a cloud that is busy is asked again in the next round."""
    try:
        ask()
    except Busy:
        return


def _listed(cloud: Cloud, kind: str) -> list[dict[str, Any]]:
    """All of a kind in this project: an administrator's list has everybody's."""
    if kind == "server":
        return cloud.list(kind)
    return cloud.list(kind, project_id=cloud.project)


def _age(thing: Mapping[str, Any]) -> tuple[str, str]:
    return str(thing.get("created_at") or thing.get("created") or ""), str(thing["id"])


def _stuck(cloud: Cloud, mark: Mark, node: str, server: Mapping[str, Any]) -> DeployKitError:
    fault = (server.get("fault") or {}).get("message", "")
    why = f": {fault}" if fault else ""
    return cloud.error(
        f"{mark.instance}: the server of {node} is {server['status']}{why}",
        f"if it never ran, 'deploy-kit env up {mark.instance}' makes it anew; else look at it: "
        f"openstack server show {server['id']}",
    )
