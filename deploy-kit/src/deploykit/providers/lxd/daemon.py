"""The LXD daemon and the product's storage pool: started, made, looked at."""

from __future__ import annotations

import grp
import os
import shutil
from pathlib import Path
from typing import Any

from deploykit.base.errors import CommandFailed, DeployKitError
from deploykit.base.process import run
from deploykit.base.waiting import wait_until
from deploykit.host.finding import Finding, ok, problem, warning
from deploykit.host.machine import GIB, SYSTEM_PATHS
from deploykit.providers.lxd.api import POOL, Lxd, LxdError, pool_room, socket_path
from deploykit.providers.lxd.instance import orphans
from deploykit.providers.lxd.plan import TAG

READY_SECONDS = 90.0
SOCKET_SECONDS = 10.0  # from ready to the socket
SHARE = 0.8  # of the free disk: the pool's file is sparse, and must fit when it is full
LARGEST = 500 * GIB
POOL_FREE = 3 * GIB
SYSTEMD = Path("/run/systemd/system")


def answers() -> Lxd | None:
    """A connection if the daemon runs and lets this user in, else None."""
    try:
        return Lxd(call_timeout=10)
    except LxdError:
        return None


def start_daemon(prefix: list[str], log: Path) -> None:
    """Start LXD: through systemd, or detached if no init system runs it. `log`: where it writes.

    Raises DeployKitError if it does not get ready.
    """
    if SYSTEMD.is_dir():
        run([*prefix, "systemctl", "start", "lxd.service"], timeout=READY_SECONDS)
    elif run(["pgrep", "-x", "lxd"], timeout=10, check=False).returncode != 0:
        log.parent.mkdir(parents=True, exist_ok=True)
        lxd = shutil.which("lxd", path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATHS}") or "lxd"
        run(
            [*prefix, "start-stop-daemon", "--start", "--background", "--output", log,
             "--exec", lxd, "--", "--group", _group()],
            timeout=20,
        )  # fmt: skip
    try:
        seconds = str(int(READY_SECONDS))
        run([*prefix, "lxd", "waitready", "--timeout", seconds], timeout=READY_SECONDS + 10)
    except CommandFailed as error:
        raise DeployKitError(
            f"the LXD daemon did not get ready within {READY_SECONDS:.0f} s",
            f"its log: {log}\n{error.remedy}",
        ) from None
    wait_until(lambda: socket_path().exists(), SOCKET_SECONDS)


def _group() -> str:
    try:
        return grp.getgrnam("lxd").gr_name
    except KeyError:
        return "root"


def ensure_pool(lxd: Lxd) -> str:
    """Make the pool of every site on this host, and say what it is.

    btrfs on a sparse file if the kernel has it, so that a node is a copy-on-write copy; else a
    plain folder, in which every node is a whole copy.
    """
    pool = lxd.find(f"storage-pools/{POOL}")
    if pool is None:
        drivers = lxd.get("")["environment"]["storage_supported_drivers"]
        _make_pool(lxd, {driver["Name"] for driver in drivers})
        pool = lxd.get(f"storage-pools/{POOL}")
    return f"{pool['driver']} {pool['config'].get('size', '')}".strip()


def _make_pool(lxd: Lxd, drivers: set[str]) -> None:
    request = {"name": POOL, "driver": "btrfs", "config": {"size": f"{pool_size() // GIB}GiB"}}
    if "btrfs" in drivers:
        try:
            lxd.post("storage-pools", request)
            return
        except LxdError:  # no btrfs in the kernel, or no loop devices: a container, perhaps
            lxd.delete(f"storage-pools/{POOL}")
    lxd.post("storage-pools", {"name": POOL, "driver": "dir", "config": {}})


def pool_size() -> int:
    """Bytes for a new pool's file."""
    free = shutil.disk_usage(socket_path().parent).free
    return int(min(free * SHARE, LARGEST))


def check_daemon() -> Finding:
    try:
        lxd = Lxd(call_timeout=10)
    except LxdError as error:
        return problem("daemon", error.message, error.remedy)
    return ok("daemon", f"LXD {lxd.get('')['environment']['server_version']} answers")


def check_storage(lxd: Lxd) -> Finding:
    pool = lxd.find(f"storage-pools/{POOL}")
    if pool is None:
        return problem("storage", f"there is no pool '{POOL}'", "'deploy-kit setup' makes it")
    free, total = pool_room(lxd, pool["driver"])
    detail = f"{pool['driver']} pool '{POOL}', {free / GIB:.0f} GiB free of {total / GIB:.0f}"
    if free < POOL_FREE:
        return problem(
            "storage",
            detail,
            "'deploy-kit image prune', 'deploy-kit env down NAME', or free the disk below it",
        )
    if pool["driver"] == "dir":
        return warning("storage", f"{detail}; nodes are whole copies", "install btrfs-progs first")
    return ok("storage", detail)


def check_bridges(lxd: Lxd) -> Finding:
    """Every bridge of a site on this host is there and up."""
    own = [net for net in lxd.get("networks", recursion="1") if _is_ours(net)]
    down = [net["name"] for net in own if not Path("/sys/class/net", net["name"]).exists()]
    down += [net["name"] for net in own if net.get("status") not in ("Created", None)]
    if down:
        names = ", ".join(sorted(set(down)))
        return problem("bridges", f"not up: {names}", "'deploy-kit env down' and 'env up' again")
    return ok("bridges", f"{len(own)} of every site's, all up")


def check_orphans(lxd: Lxd) -> Finding:
    """Every instance's checkout is still there."""
    lost = [f"{orphan.names.instance} of {orphan.folder}" for orphan in orphans(lxd)]
    if lost:
        return warning("orphans", ", ".join(lost), "'deploy-kit env prune' takes them down")
    return ok("orphans", "every instance has its checkout")


def _is_ours(network: dict[str, Any]) -> bool:
    return bool(network["managed"] and f"{TAG}site" in network["config"])
