"""The project and the bridges of one instance in LXD."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

from deploykit.base.errors import DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.homes import state_home
from deploykit.base.parallel import in_parallel
from deploykit.base.process import run
from deploykit.base.waiting import wait_until
from deploykit.providers.lxd.api import Lxd
from deploykit.providers.lxd.plan import (
    TAG,
    Names,
    bridge_settings,
    choose_uplink,
    name_servers,
    profile_devices,
    routes,
)
from deploykit.site import Site
from deploykit.site.environment import Environment

RESOLV_CONF = Path("/etc/resolv.conf")
SETTLED_SECONDS = 20.0
LOCK_SECONDS = 300.0


def ensure_project(lxd: Lxd, names: Names, tags: Mapping[str, str]) -> None:
    """Make the instance's project and its profile, or set their tags anew."""
    project = lxd.find(f"projects/{names.project}")
    if project is None:
        features = {"features.images": "false", "features.profiles": "true"}
        description = f"deploy-kit: {names.instance}"
        lxd.post(
            "projects",
            {"name": names.project, "description": description, "config": {**features, **tags}},
        )
    else:
        tag_project(lxd, names, project, tags)


def tag_project(
    lxd: Lxd, names: Names, project: Mapping[str, Any], tags: Mapping[str, str]
) -> None:
    """Set tags of `project`, which is as LXD has it; where nothing changes, LXD is not asked.

    The whole configuration goes along: a feature that is not named counts as switched off.
    """
    config = {**project["config"], **tags}
    if config != project["config"]:
        body = {"description": project["description"], "config": config}
        lxd.put(f"projects/{names.project}", body)


def ensure_profile(lxd: Lxd, names: Names, environment: Environment) -> None:
    devices = profile_devices(environment, names)
    profile = lxd.get("profiles/default", names.project)
    if profile["devices"] != devices:
        lxd.put(
            "profiles/default", {"description": "", "config": {}, "devices": devices}, names.project
        )


def ensure_networks(lxd: Lxd, site: Site, names: Names, environment: Environment) -> IPv4Network:
    """Make the bridges that are missing and return the /24 of the uplink.

    Raises DeployKitError if a bridge of that name is somebody else's.
    """
    bridges = {net["name"]: net for net in lxd.get("networks", recursion="1") if net["managed"]}
    wanted = [names.network(place) for place in range(len(environment.networks) + 1)]
    for name in wanted:
        if name in bridges and bridges[name]["config"].get(f"{TAG}instance") != str(names.instance):
            raise DeployKitError(
                f"the bridge {name} of {names.instance} is there already, but is not its own",
                f"'lxc network delete {name}' removes it, if nobody uses it",
            )
    labels = {f"{TAG}site": names.site, f"{TAG}instance": str(names.instance)}
    off = {"ipv4.address": "none", "ipv6.address": "none"}
    missing = [name for name in wanted if name not in bridges]

    def make(name: str) -> IPv4Network | None:
        if name == wanted[0]:
            return _make_uplink(lxd, site, names, labels)
        own = bridge_settings(environment, wanted.index(name))
        _make(lxd, name, {**off, **labels, **own})
        return None

    made = dict(zip(missing, in_parallel(missing, make, at_once=4), strict=True))
    _wait_settled(lxd, wanted)
    uplink = made.get(wanted[0])
    if uplink is None:
        uplink = IPv4Interface(bridges[wanted[0]]["config"]["ipv4.address"]).network
    return uplink


def _wait_settled(lxd: Lxd, names: Sequence[str]) -> None:
    """Wait for bridges that another call, killed since, left LXD at work on.

    A node that starts on an uplink still in the making gets no fixed address from it.
    """
    unready: dict[str, str] = dict.fromkeys(names, "")

    def all_created() -> bool:
        for name in list(unready):
            unready[name] = lxd.get(f"networks/{name}")["status"]
            if unready[name] == "Created":
                del unready[name]
        return not unready

    if not wait_until(all_created, SETTLED_SECONDS, pause=0.05):
        name, status = next(iter(unready.items()))
        raise DeployKitError(
            f"the bridge {name} is not ready after {SETTLED_SECONDS:.0f} s: {status}",
            f"'lxc network delete {name}' removes it, the next 'up' makes it anew",
        )


def _make_uplink(lxd: Lxd, site: Site, names: Names, labels: Mapping[str, str]) -> IPv4Network:
    # One at a time per user: two instances must not choose the same addresses.
    with holding(state_home() / "locks" / "uplinks"):
        uplink = choose_uplink(f"{names.site} {names.instance}", _networks_in_use(lxd, site))
        config = {
            "ipv4.address": f"{uplink.network_address + 1}/{uplink.prefixlen}",
            "ipv4.nat": "true",
            "ipv4.dhcp": "true",
            "ipv6.address": "none",
            # Names of nodes are their addresses in the environment's first network.
            "dns.mode": "none",
        }
        _make(lxd, names.network(0), {**config, **labels})
    return uplink


def _make(lxd: Lxd, name: str, config: Mapping[str, str]) -> None:
    lxd.post("networks", {"name": name, "type": "bridge", "config": dict(config)})


def _networks_in_use(lxd: Lxd, site: Site) -> list[IPv4Network]:
    """Every network that an uplink must not overlap."""
    listing = run(["ip", "-json", "-4", "route", "show", "table", "all"], timeout=10).stdout
    taken = routes(json.loads(listing or "[]")) + name_servers(RESOLV_CONF)
    for network in lxd.get("networks", recursion="1"):
        address = network["config"].get("ipv4.address", "none")
        if address not in ("none", "auto", ""):
            taken.append(IPv4Interface(address).network)
    for environment in site.read_environments().environments.values():
        taken += [cidr for net in environment.networks for cidr in net.cidrs]
    return taken


def remove_networks(lxd: Lxd, names: Names) -> None:
    """Remove every bridge that carries this instance's name and site."""
    for network in lxd.get("networks", recursion="1"):
        if is_own(network, names):
            lxd.delete(f"networks/{network['name']}")


def is_own(network: Mapping[str, Any], names: Names) -> bool:
    config = network["config"]
    return bool(
        network["managed"]
        and config.get(f"{TAG}site") == names.site
        and config.get(f"{TAG}instance") == str(names.instance)
    )


@contextmanager
def holding(lock: Path) -> Iterator[None]:
    """Hold the lock file `lock` alone among this user's processes and threads.

    Raises DeployKitError when somebody else holds it for longer than LOCK_SECONDS.
    """
    with locked(lock, timeout=LOCK_SECONDS):
        yield
