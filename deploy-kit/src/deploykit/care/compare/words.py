"""The names and addresses of one environment as what they stand for: equal in two of the same kind.

Pure. `10.20.0.11` of staging and `10.30.0.11` of production are both the address in `management`
of the first node with the same roles.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from deploykit.nodes.portraying import CLOSE, OPEN
from deploykit.site.environment import Environment
from deploykit.site.networks import Network

ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
# A list of the same things, however many there are of them.
SEVERAL = re.compile(rf"((?:[\w.:/@-]*{OPEN}[^{CLOSE}]*{CLOSE}[\w.:/@-]*))(?:[,;\s]+\1)+")


def shape(environment: Environment) -> Counter[tuple[str, ...]]:
    """How many nodes there are of each set of roles, and whether outsiders have an entrance of
    their own."""
    own = [("endpoints",)] if environment.endpoints is not None else []
    return Counter([*(tuple(sorted(node.roles)) for node in environment.nodes), *own])


@dataclass(frozen=True, slots=True)
class Words:
    """What is an environment's own in its nodes' files: `known` words and what they stand for, and
    its `networks`. `whole` finds such words, `leading` also those that a longer one begins with."""

    known: dict[str, str]
    networks: tuple[Network, ...]
    whole: re.Pattern[str]
    leading: re.Pattern[str]

    def replaced(self, line: str, *, leading: bool = False) -> str:
        """`line` with each such word replaced by what it stands for; with `leading` also where a
        longer word begins with it (`db1-backup`)."""
        pattern = self.leading if leading else self.whole
        line = pattern.sub(lambda match: self.known[match[0]], line)
        return ADDRESS.sub(self._place, line)

    def _place(self, match: re.Match[str]) -> str:
        """An address of no node, by its place in its network."""
        try:
            address = ip_address(match[0])
        except ValueError:
            return match[0]
        for network in self.networks:
            for cidr in network.cidrs:
                if address in cidr:
                    return _label(f"{network.name} +{int(address) - int(cidr.network_address)}")
        return match[0]


def words_of(environment: Environment, uplinks: Mapping[str, str], *, alike: bool) -> Words:
    """The words of an environment whose nodes have the addresses `uplinks` (by name) beside those
    of its networks. Which node is meant can be told only if the other one has nodes with the same
    roles (`alike`)."""
    labels = _labels(environment) if alike else {one.name: "a node" for one in environment.nodes}
    known = dict(_known(environment, labels))
    known |= {address: _label(f"uplink of {labels[name]}") for name, address in uplinks.items()}
    one_of = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    whole = re.compile(rf"(?<![\w.-])(?:{one_of})(?![\w-]|\.\d)")
    leading = re.compile(rf"(?<![\w.-])(?:{one_of})(?!\w|\.\d)")
    return Words(known, environment.networks, whole, leading)


def general(line: str) -> str:
    """A line with words replaced, however many of the same things it lists."""
    return SEVERAL.sub(r"\1", line)


def _known(environment: Environment, labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield environment.name, _label("environment")
    if environment.endpoints is not None:
        yield str(environment.endpoints.address), _label("public address")
        if environment.endpoints.name:
            yield environment.endpoints.name, _label("public name")
    for name, address in environment.virtual.items():
        yield address, _label(f"{name} shared")
    for node in environment.nodes:
        label = labels[node.name]
        yield node.name, _label(label)
        for name, address in environment.addresses(node).items():
            yield address, _label(f"{name} of {label}")
        for name, address in environment.addresses6(node).items():
            yield address, _label(f"{name} (IPv6) of {label}")
        for name, link in environment.attachments(node).items():
            if "mac" in link:
                yield str(link["mac"]), _label(f"{name} (MAC) of {label}")


def _labels(environment: Environment) -> dict[str, str]:
    """Each node by its roles, and which one of those with the same."""
    found: dict[str, str] = {}
    count: Counter[str] = Counter()
    for node in environment.nodes:
        roles = "+".join(sorted(node.roles))
        count[roles] += 1
        found[node.name] = f"{roles} #{count[roles]}"
    return found


def _label(text: str) -> str:
    return f"{OPEN}{text}{CLOSE}"
