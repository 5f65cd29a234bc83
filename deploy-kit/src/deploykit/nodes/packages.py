"""Which packages nodes have, asked of dpkg over SSH: a look that costs them next to nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploykit.base.parallel import answers_of
from deploykit.nodes.inventory import Host, Inventory
from deploykit.nodes.ssh import run_on

TIMEOUT = 60.0  # seconds
AT_ONCE = 8
MARK = "--"  # between what is there and what the node image brought
LOOK = rf"""dpkg-query -W -f '${{db:Status-Abbrev}} ${{Package}} ${{Version}}\n' &&
echo {MARK} && if [ -f /usr/share/deploy-kit/packages ]; then cat /usr/share/deploy-kit/packages; fi
"""


@dataclass(frozen=True, slots=True)
class NodePackages:
    """Packages and their versions on one node: those `there`, and those that its image brought
    (`base`)."""

    there: Mapping[str, str]
    base: Mapping[str, str]

    @property
    def added(self) -> dict[str, str]:
        """Those there that the node image did not bring in that version."""
        return {name: one for name, one in self.there.items() if self.base.get(name) != one}


def packages_of(inventory: Inventory, names: Sequence[str]) -> dict[str, NodePackages]:
    """The packages of the nodes `names`, side by side. Raises NodeUnreachable, CommandFailed."""

    def look(name: str) -> NodePackages:
        said = run_on(inventory.host(name), inventory, LOOK, timeout=TIMEOUT).stdout
        return parse_packages(said)

    return answers_of(names, look, AT_ONCE)


def parse_packages(said: str) -> NodePackages:
    """What a node printed for `LOOK`. A package that is not wholly installed is not there."""
    lines = said.splitlines()
    end = lines.index(MARK)
    rows = [line.split() for line in lines[:end]]
    base = dict(line.split() for line in lines[end + 1 :] if line.strip())
    return NodePackages({row[1]: row[2] for row in rows if row[0].startswith("ii")}, base)


def packages_by_role(inventory: Inventory) -> dict[str, dict[str, str]]:
    """Package versions per role, without those that came with the node image unchanged; of the
    nodes that are there. Raises NodeUnreachable, CommandFailed.
    """
    looks = packages_of(inventory, [host.name for host in inventory.minions])
    return by_role(inventory.minions, {name: look.added for name, look in looks.items()})


def by_role(
    hosts: Sequence[Host], versions: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """The `versions` of each node as those of its roles. Pure.

    A role's entry is that of the first node with the role; a package whose version differs on
    another node of the role is given as `VERSION (NODE: OTHER)`.
    """
    found: dict[str, dict[str, str]] = {}
    for host in hosts:
        for role in host.roles:
            known = found.setdefault(role, dict(versions[host.name]))
            for package, version in versions[host.name].items():
                if known.setdefault(package, version).split(" ")[0] != version:
                    known[package] += f" ({host.name}: {version})"
    return found
