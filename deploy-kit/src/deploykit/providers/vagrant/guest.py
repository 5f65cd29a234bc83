"""Looking into Vagrant's nodes by the provider's own channel, before SSH to them is trusted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploykit.base.errors import CommandFailed, NodeUnreachable
from deploykit.base.process import run
from deploykit.base.root import as_root
from deploykit.nodes.inventory import Host
from deploykit.providers import NodeStatus
from deploykit.providers.vagrant.command import TimedVagrant
from deploykit.providers.vagrant.plan import LXC, Names
from deploykit.site.environment import Environment, Node

LOOK = "ip -4 -json address show dev eth0; cat /etc/ssh/ssh_host_*_key.pub"
TIMEOUT = 60.0  # seconds
RUNNING, STOPPED, MISSING = "running", "stopped", "missing"
# The address of the machine's own eth0 is not reachable from here: take its first network's.
BEHIND_NAT = frozenset({"virtualbox"})


def learn_hosts(
    vagrant: TimedVagrant, names: Names, environment: Environment, provider: str
) -> tuple[Host, ...]:
    """Address and SSH host keys of every node, side by side.

    `provider` is Vagrant's: lxc, libvirt, virtualbox. Raises NodeUnreachable naming a node that
    cannot be looked into, or has no address yet.
    """
    with ThreadPoolExecutor(max(1, len(environment.nodes))) as pool:
        return tuple(
            pool.map(
                lambda node: _learn(vagrant, names, environment, node, provider), environment.nodes
            )
        )


def _learn(
    vagrant: TimedVagrant, names: Names, environment: Environment, node: Node, provider: str
) -> Host:
    try:
        if provider == LXC:
            words = [*as_root(), "lxc-attach", "--name", names.container(node.name), "--clear-env"]
            told = run([*words, "--", "sh", "-c", LOOK], timeout=TIMEOUT).stdout
        else:
            told = str(vagrant.ssh(node.name, LOOK))
    except CommandFailed as error:
        raise NodeUnreachable(
            f"{node.name} cannot be looked into: {error.message}",
            f"vagrant status, vagrant up\n{error.remedy}",
        ) from None
    addresses, keys = read_look(told)
    if not addresses or not keys:
        missing = "SSH host key" if addresses else "address on eth0"
        raise NodeUnreachable(f"{node.name} has no {missing}", f"vagrant ssh {node.name}")
    fixed = environment.addresses(node)
    address = next(iter(fixed.values())) if provider in BEHIND_NAT else addresses[0]
    return Host(node.name, node.roles, address, "root", fixed, keys)


def read_look(told: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The addresses and the host keys in what LOOK printed."""
    listing, end = json.JSONDecoder().raw_decode(told.lstrip())
    addresses = tuple(
        str(info["local"])
        for link in listing
        for info in link.get("addr_info", [])
        if info.get("scope") == "global"
    )
    lines = (line.split() for line in told.lstrip()[end:].splitlines())
    keys = tuple(f"{words[0]} {words[1]}" for words in lines if len(words) >= 2)
    return addresses, keys


def node_states(
    vagrant: TimedVagrant, names: Names, environment: Environment, provider: str
) -> dict[str, tuple[str, int]]:
    """State and resident bytes (0 where unknown) of every node by name."""
    if provider != LXC:
        found = {str(one.name): str(one.state) for one in vagrant.status()}
        return {node.name: (_state(found.get(node.name, "")), 0) for node in environment.nodes}
    with ThreadPoolExecutor(max(1, len(environment.nodes))) as pool:
        looks = pool.map(lambda n: _container(names.container(n.name)), environment.nodes)
        return {node.name: look for node, look in zip(environment.nodes, looks, strict=True)}


def _container(name: str) -> tuple[str, int]:
    told = run(
        [*as_root(), "lxc-info", "--name", name, "--no-humanize", "--stats", "--state"],
        timeout=TIMEOUT,
        check=False,
    )
    return read_info(told.stdout) if told.returncode == 0 else (MISSING, 0)


def read_info(told: str) -> tuple[str, int]:
    """State and bytes of memory in what `lxc-info --no-humanize --stats --state` printed."""
    words = told.split()
    state = RUNNING if "RUNNING" in words else STOPPED
    labelled = [line.partition(":") for line in told.splitlines() if "Memory use" in line]
    return state, next((int(n) for _, _, n in labelled if n.strip().isdigit()), 0)


def _state(vagrants: str) -> str:
    if vagrants == "running":
        return RUNNING
    return MISSING if vagrants in ("", "not_created", "None") else STOPPED


def statuses(
    environment: Environment, states: dict[str, tuple[str, int]], listing: Path
) -> list[NodeStatus]:
    """The nodes as `env status` shows them; uplink addresses from `listing` where it is there."""
    known: dict[str, str] = {}
    if listing.is_file():
        hosts = json.loads(listing.read_text(encoding="utf-8"))
        known = {host["name"]: host["ssh_address"] for host in hosts}
    return [
        NodeStatus(node.name, node.roles, state, known.get(node.name, ""), memory)
        for node in environment.nodes
        for state, memory in (states[node.name],)
    ]
