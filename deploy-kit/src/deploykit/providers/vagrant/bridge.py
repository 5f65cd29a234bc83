"""The bridges of a Vagrant environment with the provider lxc: there before its nodes start."""

from __future__ import annotations

import json
from pathlib import Path

from deploykit.base.errors import CommandFailed, DeployKitError
from deploykit.base.process import run
from deploykit.base.processes import runs_program
from deploykit.base.root import as_root
from deploykit.base.waiting import wait_until
from deploykit.providers.vagrant.plan import UPLINK, Names
from deploykit.site.environment import Environment

LXC_NET = Path("/usr/libexec/lxc/lxc-net")
SAID_UP, SERVER = Path("/run/lxc/network_up"), Path("/run/lxc/dnsmasq.pid")  # what lxc-net leaves
SYSTEMD = Path("/run/systemd/system")
TIMEOUT = 30.0  # seconds
LEAVING = 10.0  # seconds that the interfaces of a stopped container may take to go


def ensure_bridges(names: Names, environment: Environment) -> None:
    """Make what is missing of the uplink's bridge and the environment's own.

    Raises CommandFailed if the kernel refuses, DeployKitError without lxc-net.
    """
    if not _exists(UPLINK) or _abandoned():
        _start_uplink()
    for place, _ in enumerate(environment.networks, start=1):
        bridge = names.bridge(place)
        if not _exists(bridge):
            try:
                _ip("link", "add", "name", bridge, "type", "bridge")
            except CommandFailed as error:
                raise CommandFailed(
                    f"the bridge {bridge} cannot be made: {error.message}",
                    f"the kernel needs its module 'bridge'\n{error.remedy}",
                ) from None
        _ip("link", "set", bridge, "up")


def remove_bridges(names: Names, environment: Environment) -> list[str]:
    """Remove the environment's bridges that nothing is attached to; returns those that stay."""
    bridges = [names.bridge(place) for place, _ in enumerate(environment.networks, start=1)]
    left = [bridge for bridge in bridges if _exists(bridge)]

    def all_gone() -> bool:
        for bridge in list(left):
            if not _ports(bridge):
                _ip("link", "delete", bridge, "type", "bridge")
                left.remove(bridge)
        return not left

    wait_until(all_gone, LEAVING, pause=0.2)
    return left


def _abandoned() -> bool:
    """Whether lxc-net's bridge is up, but who gives addresses there has been killed."""
    if not SAID_UP.exists():
        return False  # somebody else's bridge, with a server of their own
    try:
        return not runs_program(int(SERVER.read_text()), "dnsmasq")
    except (OSError, ValueError):
        return True


def _start_uplink() -> None:
    if SYSTEMD.is_dir():
        _lxc_net("systemctl", "restart", "lxc-net.service")
    elif LXC_NET.is_file():
        if SAID_UP.exists():  # else it takes itself for running; what is attached stays attached
            _lxc_net(str(LXC_NET), "stop")
        _lxc_net(str(LXC_NET), "start")
    else:
        raise DeployKitError(
            "LXC is not installed: there is no lxc-net", "deploy-kit/setup --vagrant"
        )
    if not _exists(UPLINK):
        raise DeployKitError(
            f"lxc-net did not make the bridge {UPLINK}",
            "look at USE_LXC_BRIDGE in /etc/default/lxc-net",
        )


def _lxc_net(*words: str) -> None:
    run([*as_root(), *words], timeout=TIMEOUT)


def _exists(interface: str) -> bool:
    return Path("/sys/class/net", interface).exists()


def _ports(bridge: str) -> list[str]:
    result = run(["ip", "-json", "link", "show", "master", bridge], timeout=TIMEOUT, check=False)
    ports = json.loads(result.stdout) if result.returncode == 0 and result.stdout.strip() else []
    return [str(port.get("ifname")) for port in ports if port]


def _ip(*words: str) -> None:
    run([*as_root(), "ip", *words], timeout=TIMEOUT)
