"""Rebooting nodes over SSH, whoever made them, and waiting until they are back."""

from __future__ import annotations

from collections.abc import Sequence

from deploykit.base.errors import DeployKitError, NodeUnreachable
from deploykit.base.parallel import in_parallel
from deploykit.base.waiting import wait_until
from deploykit.nodes import ssh
from deploykit.nodes.inventory import Host, Inventory

BACK_SECONDS = 180.0
AT_ONCE = 8
# The start of the first process: a container has its host's boot id.
BOOTED = "cut -d' ' -f22 /proc/1/stat; cat /proc/sys/kernel/random/boot_id"


def reboot_nodes(inventory: Inventory, hosts: Sequence[Host]) -> None:
    """Reboot `hosts` side by side. Raises NodeUnreachable naming those that do not come back."""
    back = in_parallel(hosts, lambda host: _reboot(inventory, host), AT_ONCE)
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

    def back() -> bool:
        try:
            return ssh.run_on(host, inventory, BOOTED, timeout=15).stdout != before
        except DeployKitError:
            return False

    return wait_until(back, BACK_SECONDS, pause=1)
