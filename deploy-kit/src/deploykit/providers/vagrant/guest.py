"""Looking into Vagrant's nodes by the provider's own channel, before SSH to them is trusted."""

from __future__ import annotations

import json

from deploykit.base.errors import CommandFailed, NodeUnreachable
from deploykit.base.parallel import in_parallel
from deploykit.base.process import run
from deploykit.base.root import as_root
from deploykit.nodes.inventory import Host
from deploykit.providers import NodeState
from deploykit.providers.vagrant.command import TimedVagrant
from deploykit.providers.vagrant.plan import LXC, Names
from deploykit.site.environment import Environment, Node

LOOK = "ip -4 -json address show dev eth0; cat /etc/ssh/ssh_host_*_key.pub"
TIMEOUT = 60.0  # seconds
# The address of the machine's own eth0 is not reachable from here: take its first network's.
BEHIND_NAT = frozenset({"virtualbox"})


def learn_hosts(
    vagrant: TimedVagrant, names: Names, environment: Environment, provider: str
) -> tuple[Host, ...]:
    """Address and SSH host keys of every node, side by side.

    `provider` is Vagrant's: lxc, libvirt, virtualbox. Raises NodeUnreachable naming a node that
    cannot be looked into, or has no address yet.
    """
    return tuple(
        in_parallel(
            environment.nodes, lambda node: _learn(vagrant, names, environment, node, provider)
        )
    )


def _learn(
    vagrant: TimedVagrant, names: Names, environment: Environment, node: Node, provider: str
) -> Host:
    try:
        if provider == LXC:
            words = [*as_root(), "lxc-attach", "--name", names.container(node.name), "--clear-env"]
            output = run([*words, "--", "sh", "-c", LOOK], timeout=TIMEOUT).stdout
        else:
            output = str(vagrant.ssh(node.name, LOOK))
    except CommandFailed as error:
        raise NodeUnreachable(
            f"{node.name} cannot be looked into: {error.message}",
            f"vagrant status, vagrant up\n{error.remedy}",
        ) from None
    addresses, keys = read_look(output)
    if not addresses or not keys:
        missing = "SSH host key" if addresses else "address on eth0"
        raise NodeUnreachable(f"{node.name} has no {missing}", f"vagrant ssh {node.name}")
    fixed = environment.addresses(node)
    address = next(iter(fixed.values())) if provider in BEHIND_NAT else addresses[0]
    return Host(node.name, node.roles, address, "root", fixed, keys)


def read_look(output: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The addresses and the host keys in what LOOK printed."""
    listing, end = json.JSONDecoder().raw_decode(output.lstrip())
    addresses = tuple(
        str(info["local"])
        for link in listing
        for info in link.get("addr_info", [])
        if info.get("scope") == "global"
    )
    lines = (line.split() for line in output.lstrip()[end:].splitlines())
    keys = tuple(f"{words[0]} {words[1]}" for words in lines if len(words) >= 2)
    return addresses, keys


def node_states(
    vagrant: TimedVagrant, names: Names, environment: Environment, provider: str
) -> dict[str, tuple[NodeState, int]]:
    """State and resident bytes (0 if unknown) of every node by name."""
    if provider != LXC:
        states = {str(status.name): str(status.state) for status in vagrant.status()}
        return {node.name: (_state(states.get(node.name, "")), 0) for node in environment.nodes}
    looks = in_parallel(environment.nodes, lambda node: _container(names.container(node.name)))
    return {node.name: look for node, look in zip(environment.nodes, looks, strict=True)}


def _container(name: str) -> tuple[NodeState, int]:
    result = run(
        [*as_root(), "lxc-info", "--name", name, "--no-humanize", "--stats", "--state"],
        timeout=TIMEOUT,
        check=False,
    )
    return read_info(result.stdout) if result.returncode == 0 else (NodeState.MISSING, 0)


def read_info(output: str) -> tuple[NodeState, int]:
    """State and bytes of memory in what `lxc-info --no-humanize --stats --state` printed."""
    words = output.split()
    state = NodeState.RUNNING if "RUNNING" in words else NodeState.STOPPED
    labelled = [line.partition(":") for line in output.splitlines() if "Memory use" in line]
    return state, next((int(n) for _, _, n in labelled if n.strip().isdigit()), 0)


def _state(vagrants: str) -> NodeState:
    if vagrants == "running":
        return NodeState.RUNNING
    missing = vagrants in ("", "not_created", "None")
    return NodeState.MISSING if missing else NodeState.STOPPED
