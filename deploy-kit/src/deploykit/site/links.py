"""What the interfaces of nodes are made of: cards, bonds of cards, VLANs on either."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from deploykit.base.errors import InputError
from deploykit.base.yamlfile import Value, nearest

# What the kernel takes, and interfaces(5) and nftables understand as one word.
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
GROUP = 1  # the bit of a MAC's first byte that addresses of several have
MODES = frozenset(
    {"balance-rr", "active-backup", "balance-xor", "broadcast"}
    | {"802.3ad", "balance-tlb", "balance-alb"}
)
LEAST_MTU, USUAL_MTU, MOST_MTU = 1280, 1500, 65535  # IPv6 asks for the least
LAST_VLAN = 4094
CARD, BOND = frozenset({"mac", "mtu"}), frozenset({"bond", "mode", "mtu"})
VLAN = frozenset({"vlan", "on", "mtu"})


@dataclass(frozen=True, slots=True)
class Link:
    """An interface: a card, a bond of the cards `members`, or the VLAN `vlan` on `parent`.

    `mac` says which card bears the name; empty: the one that has it anyway. `mtu` is in bytes;
    None: nothing was said of it.
    """

    name: str
    mac: str = ""
    members: tuple[str, ...] = ()
    mode: str = ""
    vlan: int | None = None
    parent: str = ""
    mtu: int | None = None

    @property
    def is_card(self) -> bool:
        return not self.members and self.vlan is None


@dataclass(frozen=True, slots=True)
class Declared:
    """A link, and where it stands in the file."""

    link: Link
    at: Value

    def place(self, key: str) -> Value:
        """Where its `key` stands, else the link itself."""
        return self.at.mapping().get(key, self.at)


def parse_interface(value: Value) -> str:
    """The name of an interface. Raises InputError for what the kernel does not take as one."""
    return _interface(value, value.text())


def parse_links(value: Value) -> dict[str, Declared]:
    """`links` of an environment or of a node, by name. Raises InputError for each by itself."""
    declared = {}
    for name, entry in value.mapping().items():
        _interface(entry, name)
        declared[name] = Declared(_link(name, entry), entry)
    return declared


def fitting(declared: Mapping[str, Declared]) -> tuple[Link, ...]:
    """The links of one node, each with its MTU, those that others stand on before them.

    Raises InputError if they do not fit each other.
    """
    _demand_own_members(declared)
    _demand_parents(declared)
    _demand_own_macs(declared)
    settled: dict[str, Link] = {}
    for declaration in declared.values():
        if declaration.link.is_card:
            settled[declaration.link.name] = declaration.link
    for declaration in declared.values():
        if declaration.link.members:
            settled[declaration.link.name] = _settled_bond(declaration, declared)
            members = {name: settled.get(name, Link(name)) for name in declaration.link.members}
            mtu = settled[declaration.link.name].mtu
            settled |= {name: replace(link, mtu=mtu) for name, link in members.items()}
    for declaration in declared.values():
        if declaration.link.vlan is not None:
            settled[declaration.link.name] = _settled_vlan(
                declaration, settled[declaration.link.parent]
            )
    order = sorted(settled.values(), key=lambda link: (not link.is_card, link.vlan is not None))
    return tuple(order)


def mtu_of(link: Link) -> int:
    """Its MTU in bytes."""
    return link.mtu or USUAL_MTU


def _interface(value: Value, name: str) -> str:
    if name == "lo" or not INTERFACE.fullmatch(name):
        raise value.error(
            f"'{name}' is no name for an interface", "at most 15 of a-z, A-Z, 0-9, '.', '-' and '_'"
        )
    return name


def _link(name: str, entry: Value) -> Link:
    keys = entry.mapping(CARD | BOND | VLAN)
    kind = BOND if "bond" in keys else VLAN if {"vlan", "on"} & keys.keys() else CARD
    for key in keys:
        if key not in kind:
            what = "a bond" if kind is BOND else "a VLAN" if kind is VLAN else "a card"
            raise keys[key].error(f"{what} has no '{key}'", nearest(key, kind))
    mtu = _mtu(keys["mtu"]) if "mtu" in keys else None
    if kind is BOND:
        mode = _mode(keys["mode"]) if "mode" in keys else "active-backup"
        return Link(name, members=_members(keys["bond"]), mode=mode, mtu=mtu)
    if kind is VLAN:
        for key in ("vlan", "on"):
            if key not in keys:
                raise entry.error(f"'{key}' is missing", "a VLAN is {vlan: NUMBER, on: INTERFACE}")
        parent = parse_interface(keys["on"])
        return Link(name, vlan=_vlan(keys["vlan"]), parent=parent, mtu=mtu)
    return Link(name, mac=_mac(keys["mac"]) if "mac" in keys else "", mtu=mtu)


def _members(value: Value) -> tuple[str, ...]:
    members: list[str] = []
    for item in value.items():
        member = parse_interface(item)
        if member in members:
            raise item.error(f"{member} is a member twice", "remove one of them")
        members.append(member)
    if not members:
        raise value.error("a bond needs at least one member")
    return tuple(members)


def _mode(value: Value) -> str:
    mode = str(value.scalar())
    if mode not in MODES:
        raise value.error(f"'{mode}' is no mode of a bond", nearest(mode, MODES))
    return mode


def _vlan(value: Value) -> int:
    vlan = value.whole(1)
    if vlan > LAST_VLAN:
        raise value.error(f"{vlan} is no VLAN", f"they go from 1 to {LAST_VLAN}")
    return vlan


def _mtu(value: Value) -> int:
    mtu = value.whole(LEAST_MTU)
    if mtu > MOST_MTU:
        raise value.error(f"{mtu} is no MTU", f"at most {MOST_MTU}, most switches 9216")
    return mtu


def _mac(value: Value) -> str:
    mac = str(value.scalar()).lower()
    if not MAC.fullmatch(mac):
        raise value.error(f"'{mac}' is no MAC address", 'write "52:54:00:12:34:56"')
    if int(mac[:2], 16) & GROUP:
        raise value.error(f"{mac} is an address of several cards", "write the card's own")
    return mac


def _demand_own_members(declared: Mapping[str, Declared]) -> None:
    """Raise InputError if a bond's member is no card of its own."""
    taken: dict[str, str] = {}
    for declaration in declared.values():
        for item, member in zip(
            declaration.place("bond").items() if declaration.link.members else (),
            declaration.link.members,
            strict=True,
        ):
            if member in taken:
                raise item.error(f"{member} is a member of {taken[member]} already")
            if member == declaration.link.name or (
                member in declared and not declared[member].link.is_card
            ):
                raise item.error(f"{member} is no card", "members of a bond are cards")
            taken[member] = declaration.link.name


def _demand_parents(declared: Mapping[str, Declared]) -> None:
    """Raise InputError if a VLAN stands on nothing, on another VLAN, or twice on one link."""
    members = {name for declaration in declared.values() for name in declaration.link.members}
    taken: dict[tuple[str, int], str] = {}
    for declaration in declared.values():
        link = declaration.link
        if link.vlan is None:
            continue
        if link.parent in members:
            raise declaration.place("on").error(
                f"{link.parent} is a member of a bond", "name the bond"
            )
        if link.parent not in declared:
            raise declaration.place("on").error(
                f"there is no link '{link.parent}'",
                nearest(link.parent, frozenset(declared.keys() - {link.name})),
            )
        if declared[link.parent].link.vlan is not None:
            raise declaration.place("on").error(
                f"{link.parent} is a VLAN itself", "name a card or a bond"
            )
        key = (link.parent, link.vlan)
        if key in taken:
            raise declaration.place("vlan").error(
                f"{taken[key]} is VLAN {link.vlan} on {link.parent}"
            )
        taken[key] = link.name


def _demand_own_macs(declared: Mapping[str, Declared]) -> None:
    counts = Counter(
        declaration.link.mac for declaration in declared.values() if declaration.link.mac
    )
    for declaration in reversed(list(declared.values())):
        if counts[declaration.link.mac] > 1:
            raise declaration.place("mac").error(f"two links have the MAC {declaration.link.mac}")


def _settled_bond(declaration: Declared, declared: Mapping[str, Declared]) -> Link:
    own = {name: declared[name].link.mtu for name in declaration.link.members if name in declared}
    least = min((mtu for mtu in own.values() if mtu is not None), default=None)
    mtu = declaration.link.mtu or least or USUAL_MTU
    for name, members in own.items():
        if members is not None and members < mtu:
            raise _too_large(declaration, mtu, name, members)
    return replace(declaration.link, mtu=mtu)


def _settled_vlan(declaration: Declared, parent: Link) -> Link:
    mtu = declaration.link.mtu or min(USUAL_MTU, mtu_of(parent))
    if mtu > mtu_of(parent):
        raise _too_large(declaration, mtu, parent.name, mtu_of(parent))
    return replace(declaration.link, mtu=mtu)


def _too_large(declaration: Declared, mtu: int, below: str, limit: int) -> InputError:
    return declaration.place("mtu").error(
        f"{mtu} is more than {below} has ({limit})", f"give {below} an mtu of at least {mtu}"
    )
