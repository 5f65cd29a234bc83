"""Rebooting nodes over SSH, whoever made them, and waiting until they are back."""

from __future__ import annotations

from collections.abc import Sequence

from deploykit.base.errors import DeployKitError, NodeUnreachable
from deploykit.base.parallel import in_parallel
from deploykit.base.waiting import wait_until
from deploykit.nodes import ssh
from deploykit.nodes.inventory import Host, Inventory

BACK_SECONDS = 180.0
STARTED_SECONDS = 600.0  # services wait for others, some of them five minutes
AT_ONCE = 8
# The start of the first process: a container has its host's boot id.
BOOTED = "cut -d' ' -f22 /proc/1/stat; cat /proc/sys/kernel/random/boot_id"


def reboot_to_health(inventory: Inventory, host: Host) -> None:
    """Reboot one node and wait until systemd calls its start finished, with no new failed unit.

    Raises NodeUnreachable where it does not come back, DeployKitError naming the units that failed
    and had not before.
    """
    before = _failed(inventory, host)
    reboot_nodes(inventory, [host])
    # It ends with 1 where something failed, which is told by name below.
    wait = "systemctl is-system-running --wait || true"
    ssh.run_on(host, inventory, wait, timeout=STARTED_SECONDS)
    if broken := sorted(_failed(inventory, host) - before):
        raise DeployKitError(
            f"{inventory.instance}: after its reboot failed on {host.name}: {', '.join(broken)}",
            f"'deploy-kit env ssh {inventory.instance} {host.name}' leads there",
        )


def _failed(inventory: Inventory, host: Host) -> set[str]:
    """The units of a node that have failed."""
    words = "systemctl list-units --failed --plain --no-legend"
    told = ssh.run_on(host, inventory, words, timeout=30).stdout
    return {line.split()[0] for line in told.splitlines() if line.strip()}


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
