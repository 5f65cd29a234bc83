"""Rebooting nodes over SSH, whoever made them, and waiting until they are back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from deploykit.base.errors import DeployKitError, NodeUnreachable
from deploykit.nodes import ssh
from deploykit.nodes.inventory import Host, Inventory

BACK_SECONDS = 180.0
# The start of the first process: a container has its host's boot id.
BOOTED = "cut -d' ' -f22 /proc/1/stat; cat /proc/sys/kernel/random/boot_id"


def reboot_nodes(inventory: Inventory, hosts: Sequence[Host]) -> None:
    """Reboot `hosts` side by side. Raises NodeUnreachable naming those that do not come back."""
    with ThreadPoolExecutor(8) as pool:
        back = list(pool.map(lambda host: _reboot(inventory, host), hosts))
    lost = [host.name for host, there in zip(hosts, back, strict=True) if not there]
    if lost:
        raise NodeUnreachable(
            f"{inventory.instance}: not back {BACK_SECONDS:.0f} s after a reboot: "
            f"{', '.join(lost)}",
            f"'deploy-kit env status {inventory.instance}' tells what the provider sees",
        )


def _reboot(inventory: Inventory, host: Host) -> bool:
    before = ssh.run_on(host, inventory, BOOTED, timeout=30).stdout
    ssh.run_on(host, inventory, "systemd-run --on-active=1 systemctl reboot", timeout=30)
    end = time.monotonic() + BACK_SECONDS
    while time.monotonic() < end:
        time.sleep(1)
        try:
            if ssh.run_on(host, inventory, BOOTED, timeout=15).stdout != before:
                return True
        except DeployKitError:
            continue
    return False
