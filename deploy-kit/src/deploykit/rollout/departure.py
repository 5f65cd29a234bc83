"""A node that goes for good, or is made anew: what the region knows of it goes with it.

How the region is asked is the content's: `salt/nodes/forget.py` of the release that runs there.
"""

from __future__ import annotations

from deploykit.base.errors import DeployKitError, Refused
from deploykit.base.process import last_line
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import run_on

TOOL = "/srv/kits/current/salt/nodes/forget.py"
PYTHON = "/opt/salt/bin/python3"
TIMEOUT = 300.0  # seconds


def demand_may_go(inventory: Inventory, node: str) -> None:
    """Raise Refused where the release needs the node, or something still is on it; DeployKitError
    where the region cannot be asked."""
    there = run_on(inventory.master, inventory, ["test", "-f", TOOL], timeout=30, check=False)
    if there.returncode != 0:
        raise DeployKitError(
            f"{inventory.instance}: its master has no release that can forget a node",
            f"deploy one that holds salt/nodes/forget.py to {inventory.instance} first",
        )
    asked = [PYTHON, TOOL, "check", node]
    done = run_on(inventory.master, inventory, asked, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        raise Refused(
            f"{inventory.instance}: {node} cannot go: {last_line(done.stderr) or 'no reason'}",
            "move or delete what is on it; of what is a cluster no node is taken out",
        )


def forget(inventory: Inventory, node: str) -> list[str]:
    """Have the region forget the node; what went, in words. Raises CommandFailed."""
    asked = [PYTHON, TOOL, "forget", node]
    done = run_on(inventory.master, inventory, asked, timeout=TIMEOUT)
    return [line for line in done.stdout.splitlines() if line.strip()]
