"""Whether this machine can carry nodes that Vagrant is about to make: asked before any starts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from deploykit.environment import Node
from deploykit.errors import Refused
from deploykit.provider.vagrant_plan import LXC

GIB = 2**30
UNITS = {"M": 2**20, "G": GIB}
# What a node takes where its file sets no limit: seen on nodes of the small environments.
LEAST_MEMORY = GIB // 2
LEAST_DISK = 2 * GIB
CONTAINERS = Path("/var/lib/lxc")
TUN = Path("/dev/net/tun")
PROGRAM = {"lxc": "lxc-create", "virtualbox": "VBoxManage", "libvirt": "virsh"}


def demand_room(nodes: Sequence[Node], provider: str) -> None:
    """Raise Refused with everything that stands in the way of starting `nodes`.

    `provider` is Vagrant's. Memory counts by the nodes' limits, or half a GiB without one.
    """
    if not nodes:
        return
    meminfo = Path("/proc/meminfo").read_text(encoding="utf-8")
    free = int(re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo, re.MULTILINE)[1]) * 1024  # type: ignore[index]
    folder = next(path for path in (CONTAINERS, *CONTAINERS.parents) if path.exists())
    said = obstacles(
        nodes,
        provider,
        memory=free,
        disk=shutil.disk_usage(folder).free,
        tun=TUN.exists(),
        installed=shutil.which(PROGRAM.get(provider, "vagrant")) is not None,
    )
    if said:
        names = ", ".join(node.name for node in nodes)
        raise Refused(
            f"this machine cannot carry {names}; nothing was started",
            "\n".join(said),
        )


def obstacles(
    nodes: Sequence[Node], provider: str, *, memory: int, disk: int, tun: bool, installed: bool
) -> list[str]:
    """What keeps `nodes` from starting; `memory` and `disk` are free bytes. Empty: nothing."""
    said = []
    if not installed:
        program = PROGRAM.get(provider, "vagrant")
        said.append(f"{program} is not installed: deploy-kit/setup --vagrant, for the provider lxc")
    wanted = sum(needed_memory(node) for node in nodes)
    if memory < wanted:
        said.append(
            f"memory: {memory / GIB:.1f} GiB are free, the nodes need {wanted / GIB:.1f} GiB; "
            "take down what is not needed, or lower 'memory' in the environment file"
        )
    if provider == LXC and disk < LEAST_DISK * len(nodes):
        said.append(
            f"disk: {disk / GIB:.1f} GiB are free at {CONTAINERS}, "
            f"the nodes need {LEAST_DISK * len(nodes) / GIB:.0f} GiB"
        )
    needing = [node.name for node in nodes if node.privileged]
    if provider == LXC and needing and not tun:
        said.append(f"{TUN} is missing, which {', '.join(needing)} need: modprobe tun")
    return said


def needed_memory(node: Node) -> int:
    """Bytes of memory that `node` may take."""
    if node.memory is None:
        return LEAST_MEMORY
    return int(node.memory[:-1]) * UNITS[node.memory[-1]]
