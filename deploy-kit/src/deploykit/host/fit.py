"""Whether this machine can carry an environment's nodes: asked before any of them starts."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import DeployKitError, Refused
from deploykit.base.process import run
from deploykit.base.root import as_root
from deploykit.host.finding import Finding, ok, warning
from deploykit.host.machine import GIB, SYSTEM_PATHS
from deploykit.site import Site
from deploykit.site.content import read_content, size
from deploykit.site.environment import Environment, Node

BARE_NODE = 100 * 2**20  # bytes: systemd, SSH and the Salt minion
NODE_DISK = GIB  # what a node writes beside what it shares with its base
TUN = Path("/dev/net/tun")
SYMBOLS = Path("/proc/kallsyms")
# What hypervisors and network nodes ask of the host's kernel: its module, and a symbol that a
# kernel with it has, whether as a module or built in.
FEATURES = {
    "bridge": "br_handle_frame",
    "br_netfilter": "br_nf_pre_routing",
    "vxlan": "vxlan_init_net",
    "nf_tables": "nft_do_chain",
    "ip_set": "ip_set_create",
    "tun": "tun_chr_open",
}
# The same for nodes with VOLUME_ROLE and the hypervisors beside them. They need a kernel of their
# own, whatever this one has: it speaks iSCSI and maps devices for the host alone.
VOLUME_ROLE = "volume"
VOLUME_FEATURES = {
    "dm_mod": "dm_create",
    "dm_thin_pool": "thin_ctr",
    "iscsi_tcp": "iscsi_sw_tcp_session_create",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What the host has: free bytes of memory and disk, and which of FEATURES are missing.

    `no_volumes`: which of VOLUME_FEATURES are.
    """

    memory: int
    disk: int
    missing: tuple[str, ...]
    tun: bool
    no_volumes: tuple[str, ...] = ()


def demand_fit(
    site: Site,
    environment: Environment,
    nodes: Sequence[Node],
    disk: int,
    *,
    volumes: bool = True,
) -> None:
    """Raise Refused with everything that keeps `nodes` of `environment` from starting here.

    `nodes` are those that do not run yet, containers all of them, `disk` the free bytes where they
    will lie. Kernel modules that are not loaded yet are loaded. Without `volumes` nobody minds that
    nodes for volumes cannot keep any.
    """
    privileged = any(node.privileged for node in nodes)
    if privileged:
        load_modules()
    there = machine(disk)
    problems = obstacles(nodes, memory_of_roles(site), there)
    problems += volume_obstacles(nodes, there) if volumes else []
    if problems:
        raise Refused(
            f"this machine cannot carry {environment.instance}; nothing was started",
            "\n".join(problems),
        )


def obstacles(nodes: Sequence[Node], roles: Mapping[str, int], there: Machine) -> list[str]:
    """What keeps `nodes` from starting on the machine `there`, each with what mends it.

    `roles` is the memory that each role takes, in bytes.
    """
    problems = []
    wanted = sum(needed_memory(node, roles) for node in nodes)
    if wanted > there.memory:
        problems.append(
            f"memory: {len(nodes)} nodes take {wanted / GIB:.1f} GiB, "
            f"{there.memory / GIB:.1f} GiB are free: 'deploy-kit env down' of another environment, "
            "or a smaller one"
        )
    room = NODE_DISK * len(nodes)
    if room > there.disk:
        problems.append(
            f"disk: {len(nodes)} nodes take {room / GIB:.0f} GiB, {there.disk / GIB:.1f} GiB are "
            "free: 'deploy-kit image prune', 'deploy-kit env down', or free the disk"
        )
    names = ", ".join(node.name for node in nodes if node.privileged)
    if not names:
        return problems
    if there.missing:
        modules = " ".join(there.missing)
        problems.append(
            f"kernel: {names} need {', '.join(there.missing)}: modprobe {modules}; without them "
            "only environments without hypervisors and network nodes come up"
        )
    if not there.tun:
        problems.append(
            f"{TUN}: {names} need it: mkdir -p {TUN.parent} && mknod -m 0666 {TUN} c 10 200"
        )
    return problems


def volume_obstacles(nodes: Sequence[Node], there: Machine) -> list[str]:
    """What keeps `nodes`, as containers, from having volumes, with what mends it."""
    names = ", ".join(node.name for node in nodes if VOLUME_ROLE in node.roles)
    if not names:
        return []
    lacking = f" (this one has no {', '.join(there.no_volumes)})" if there.no_volumes else ""
    return [
        f"volumes: {names} and the hypervisors need a kernel of their own{lacking}, and would be "
        "containers: VAGRANT_DEFAULT_PROVIDER=libvirt or virtualbox makes machines; without the "
        f"role '{VOLUME_ROLE}' everything else comes up here"
    ]


def needed_memory(node: Node, roles: Mapping[str, int]) -> int:
    """Bytes that the node takes: a bare one and its roles, at most its limit."""
    wanted = BARE_NODE + sum(roles.get(role, 0) for role in node.roles)
    return min(wanted, size(node.memory)) if node.memory else wanted


def memory_of_roles(site: Site) -> dict[str, int]:
    """What the content says that each role takes, in bytes; nothing if there is no content."""
    if not (site.content / "roles.yml").is_file():
        return {}
    return read_content(site.content).memory


def machine(disk: int, meminfo: Path = Path("/proc/meminfo")) -> Machine:
    """The machine as it is now; `disk` in free bytes."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo.read_text(), re.MULTILINE)
    memory = int(match[1]) * 1024 if match else 0
    tun = TUN.exists() and stat.S_ISCHR(TUN.stat().st_mode)
    absent = missing_features({**FEATURES, **VOLUME_FEATURES})
    missing = tuple(name for name in absent if name in FEATURES)
    return Machine(memory, disk, missing, tun, tuple(n for n in absent if n in VOLUME_FEATURES))


def missing_features(
    features: Mapping[str, str] = FEATURES, symbols: Path = SYMBOLS
) -> tuple[str, ...]:
    """Which of `features` the kernel has neither running nor as a module that can be loaded."""
    known = set(re.findall(r"^\S+ \S (\w+)", symbols.read_text(), re.MULTILINE))
    absent = [name for name, symbol in features.items() if symbol not in known]
    return tuple(name for name in absent if not _modprobe([], ["--dry-run", name]))


def load_modules() -> None:
    """Load what is there as a module: nodes cannot. What cannot be loaded is told elsewhere."""
    _modprobe(as_root(), ["--all", *FEATURES])


def _modprobe(prefix: Sequence[str], words: Sequence[str]) -> bool:
    program = shutil.which("modprobe", path=SYSTEM_PATHS)
    if program is None:
        return False
    argv = [*prefix, program, "--quiet", *words]
    return run(argv, timeout=20, check=False).returncode == 0


def check_environments(site: Site, environments: Iterable[Environment], disk: int) -> list[Finding]:
    """For `doctor`: which of `environments` this machine could not carry now, and why.

    `disk`: the free bytes where their nodes will lie.
    """
    there = machine(disk)
    try:
        roles = memory_of_roles(site)
    except DeployKitError as error:
        return [warning("site", error.message, error.remedy)]
    findings = []
    for environment in environments:
        lacking = obstacles(environment.nodes, roles, there)
        if lacking := lacking + volume_obstacles(environment.nodes, there):
            findings.append(
                warning(
                    "room", f"not now for {environment.name}: {lacking[0]}", "\n".join(lacking[1:])
                )
            )
    return findings or [ok("room", f"for each environment of {site.folder}")]
