"""`machines` of an environment's file: how those nodes are reached that are there already.

What is said under `"*"` goes for every node that says nothing else.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from deploykit.base.yamlfile import Value, nearest
from deploykit.site.networks import Network
from deploykit.site.node import Node

KEYS = frozenset({"address", "user", "become", "host_key", "host_key_by"})
EVERY = "*"
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
ROOT = "root"
KINDS = frozenset(
    {"ssh-ed25519", "ssh-rsa", *(f"ecdsa-sha2-nistp{bits}" for bits in (256, 384, 521))}
)


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a machine answers SSH, and who may log in there before its own key is in.

    `host_keys` are lines `TYPE BASE64`; without any, `host_key_by` are the words of a command that
    prints them. `place` is where the file says so, FILE:LINE.
    """

    address: IPv4Address | IPv6Address
    user: str = ROOT
    host_keys: tuple[str, ...] = ()
    host_key_by: tuple[str, ...] = ()
    place: str = field(default="", compare=False)


def parse_machines(
    value: Value, nodes: Sequence[Node], networks: Sequence[Network]
) -> tuple[tuple[str, Machine], ...]:
    """`machines`, by the name of the node.

    Raises InputError for one that is no node, for an address or a host key that two have, and for
    one whose host key nobody could know.
    """
    entries = value.mapping()
    every = entries[EVERY].mapping(KEYS) if EVERY in entries else {}
    for key in {"address", "host_key"} & every.keys():
        raise every[key].error("several machines cannot have the same", "say it of each node")
    known = frozenset(node.name for node in nodes)
    for name, entry in entries.items():
        if name not in known and name != EVERY:
            raise entry.error(f"there is no node '{name}'", nearest(name, known))
    machines: dict[str, Machine] = {}
    for node in nodes:
        if node.name in entries or every:
            own = entries[node.name].mapping(KEYS) if node.name in entries else {}
            at = entries.get(node.name, value)
            machines[node.name] = _machine(at, {**every, **own}, node, networks)
    _demand_apart(value, entries, machines)
    return tuple(machines.items())


def _machine(
    at: Value, keys: Mapping[str, Value], node: Node, networks: Sequence[Network]
) -> Machine:
    """The machine that `keys` describe; its address is that in the first network if none is."""
    address = _address(keys["address"]) if "address" in keys else node.address(networks[0])
    user = _user(keys["user"]) if "user" in keys else ROOT
    if "become" in keys and not keys["become"].flag() and user != ROOT:
        raise keys["become"].error(
            f"nothing is done as '{user}' alone",
            "let it become root by sudo without a password, or write user: root",
        )
    if "host_key" not in keys and "host_key_by" not in keys:
        raise at.error(
            f"nobody knows the SSH host key of {node.name}",
            "host_key: what 'cat /etc/ssh/ssh_host_ed25519_key.pub' prints at its console; or "
            "host_key_by: [COMMAND, ...] that prints it by a way you trust",
        )
    return Machine(
        address,
        user,
        _host_keys(keys["host_key"]) if "host_key" in keys else (),
        _words(keys["host_key_by"]) if "host_key" not in keys else (),
        f"{at.file}:{at.line}",
    )


def _address(value: Value) -> IPv4Address | IPv6Address:
    text = value.text()
    try:
        return ip_address(text)
    except ValueError:
        raise value.error(f"'{text}' is no IP address") from None


def _user(value: Value) -> str:
    text = value.text()
    if not USER.fullmatch(text):
        raise value.error(f"'{text}' is no name of a user")
    return text


def _host_keys(value: Value) -> tuple[str, ...]:
    """One host key, or a list of them, without comments."""
    return tuple(_host_key(item) for item in (value.items() if value.is_list else (value,)))


def _host_key(value: Value) -> str:
    key = read_host_key(value.text())
    if key is None:
        raise value.error(
            "it is no public host key",
            "one line as in /etc/ssh/ssh_host_ed25519_key.pub: ssh-ed25519 AAAA...",
        )
    return key


def read_host_key(line: str) -> str | None:
    """The `TYPE BASE64` of a line `TYPE BASE64 COMMENT`; None if it is none."""
    words = line.split()
    if len(words) < 2 or words[0] not in KINDS:
        return None
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        return None
    fields = _fields(blob)
    whole = len(fields) > 1 and fields[0] == words[0].encode()
    return f"{words[0]} {words[1]}" if whole else None


def _fields(blob: bytes) -> list[bytes]:
    """The fields of a key (RFC 4253: a length of four bytes before each); [] if one is cut off."""
    fields, at = [], 0
    while at < len(blob):
        end = at + 4 + int.from_bytes(blob[at : at + 4], "big")
        if end > len(blob):
            return []
        fields.append(blob[at + 4 : end])
        at = end
    return fields


def _words(value: Value) -> tuple[str, ...]:
    words = tuple(str(item.scalar()) for item in value.items())
    if not words:
        raise value.error("a command has at least one word")
    return words


def _demand_apart(
    value: Value, entries: Mapping[str, Value], machines: Mapping[str, Machine]
) -> None:
    """Raise InputError if two machines have an address or a host key together."""
    addresses: dict[IPv4Address | IPv6Address, str] = {}
    host_keys: dict[str, str] = {}
    for name, machine in machines.items():
        own = entries[name].mapping() if name in entries else {}
        if machine.address in addresses:
            at = own.get("address", entries.get(name, value))
            raise at.error(f"{machine.address} is already {addresses[machine.address]}'s")
        addresses[machine.address] = name
        for key in machine.host_keys:
            if key in host_keys:
                raise own["host_key"].error(
                    f"it is already the host key of {host_keys[key]}",
                    "machines made from one image must make keys of their own: "
                    "rm /etc/ssh/ssh_host_*; dpkg-reconfigure openssh-server",
                )
            host_keys[key] = name
