"""Whether a machine is what the environment's file says: pure, everything that is not at once."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from deploykit.host.machine import GIB
from deploykit.providers.static.look import Interface, Look
from deploykit.site.environment import Environment, Node
from deploykit.site.networks import Network

SYSTEM = "debian 12"
LEAST_DISK = 2 * GIB  # free, for the packages of a node and what it writes at first
KEPT_BY_KERNEL = 0.08  # of a machine's memory at most, which it does not tell of
CLOCK_SECONDS = 5.0  # that a clock may be off: tokens and certificates bear no more


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a machine is to be: `node` of `environment`, which takes `memory` bytes. `owner` is the
    comment of the one key of deploy-kit's that it may let in."""

    environment: Environment
    node: Node
    memory: int
    owner: str


@dataclass(frozen=True, slots=True)
class Clock:
    """How far a machine's clock is ahead of ours, in seconds, as far as asking it could tell."""

    ahead: float
    uncertain: float


def obstacles(wanted: Wanted, seen: Look, clock: Clock) -> list[str]:
    """What keeps the machine `seen` from being the node: each what is so, and what to do."""
    return [
        *_system(seen),
        *_room(wanted, seen),
        *_clock(clock),
        *_others(wanted, seen),
        *(told for net in wanted.environment.networks for told in _network(wanted, net, seen)),
    ]


def _system(seen: Look) -> list[str]:
    found = []
    if seen.system != SYSTEM:
        found.append(f"system: it runs {seen.called}, and releases are made for Debian 12")
    if seen.init != "systemd":
        found.append(f"system: process 1 is {seen.init}: install systemd-sysv, and boot it")
    if not seen.python:
        found.append("python: there is no /usr/bin/python3: apt-get install python3 python3-apt")
    if seen.root_login in ("no", "forced-commands-only"):
        found.append(
            f"ssh: PermitRootLogin is '{seen.root_login}': 'prohibit-password' in a file of "
            "/etc/ssh/sshd_config.d, then systemctl reload ssh"
        )
    return found


def _room(wanted: Wanted, seen: Look) -> list[str]:
    found = []
    if seen.memory < wanted.memory * (1 - KEPT_BY_KERNEL):
        found.append(
            f"memory: it has {seen.memory / GIB:.1f} GiB, and its roles take "
            f"{wanted.memory / GIB:.1f} GiB: give it more, or fewer roles"
        )
    if seen.disk < LEAST_DISK:
        found.append(
            f"disk: {seen.disk / GIB:.1f} GiB are free where / is, {LEAST_DISK // GIB} GiB is the "
            "least: free some, or give it more"
        )
    return found


def _clock(clock: Clock) -> list[str]:
    if abs(clock.ahead) <= CLOCK_SECONDS + clock.uncertain:
        return []
    way = "ahead of" if clock.ahead > 0 else "behind"
    return [
        f"clock: it is {abs(clock.ahead):.0f} s {way} this machine's: set it, and let chrony or "
        "systemd-timesyncd keep it (timedatectl set-ntp true); or is this machine's wrong?"
    ]


def _others(wanted: Wanted, seen: Look) -> list[str]:
    others = sorted({owner for owner in seen.owners if owner != wanted.owner})
    return [
        f"owner: root lets in the key '{owner}': the machine is a node of that environment, of "
        "another site or another checkout; if it no longer is, take that line out of "
        "/root/.ssh/authorized_keys"
        for owner in others
    ]


def _network(wanted: Wanted, net: Network, seen: Look) -> list[str]:
    """What is not right about the machine's interface in a network."""
    node = wanted.node
    subnet = node.subnet(net)
    expected = {str(node.address(net)): subnet.cidr.prefixlen}
    if (address6 := node.address6(net)) is not None and subnet.cidr6 is not None:
        expected[str(address6)] = subnet.cidr6.prefixlen
    found = []
    for address, length in expected.items():
        found += _address(wanted, net, seen, address=address, length=length)
    card = next((one for one in seen.interfaces if one.name == node.interface(net)), None)
    if card is not None:
        found += _card(wanted, net, card)
    return found


def _address(wanted: Wanted, net: Network, seen: Look, *, address: str, length: int) -> list[str]:
    name = wanted.node.interface(net)
    there = [
        (one, prefix)
        for one in seen.interfaces
        for local, prefix in one.addresses
        if ip_address(local) == ip_address(address)
    ]
    if not there:
        cards = ", ".join(one.name for one in seen.interfaces if one.name != "lo")
        return [
            f"{net.name}: no interface has {address}/{length} (there are: {cards or 'none'}): "
            f"give it to {name}, or say the address that it has: "
            f"addresses: {{{net.name}: ADDRESS}}"
        ]
    one, prefix = there[0]
    found = []
    # The agents of the network service move an interface's address to the bridge that it is in.
    bridged = any(card.name == name and card.master == one.name for card in seen.interfaces)
    if one.name != name and not bridged:
        found.append(
            f"{net.name}: {address} is on {one.name}, and the file says {name}: "
            f"interfaces: {{{net.name}: {one.name}}}"
        )
    if prefix != length:
        found.append(f"{net.name}: {address} is a /{prefix} there, and the file says /{length}")
    return found


def _card(wanted: Wanted, net: Network, card: Interface) -> list[str]:
    found = []
    if not card.up:
        found.append(f"{net.name}: {card.name} is down: ip link set {card.name} up")
    link = wanted.node.link(net)
    if link is None:
        return found
    mtu = wanted.node.mtu(net)
    if card.mtu != mtu:
        found.append(f"{net.name}: {card.name} has the MTU {card.mtu}, and the file says {mtu}")
    if link.mac and card.mac.lower() != link.mac.lower():
        found.append(f"{net.name}: {card.name} is {card.mac}, and the file says {link.mac}")
    return found
