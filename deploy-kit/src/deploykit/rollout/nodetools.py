"""The content's tools for single nodes: `salt/nodes/` of the release that runs, on its master.

How a region is asked about a node is the content's word; deploy-kit knows no nova.
"""

from __future__ import annotations

from collections.abc import Callable

from deploykit.base.errors import DeployKitError
from deploykit.base.process import Result
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import run_on

FOLDER = "/srv/kits/current/salt/nodes"
PYTHON = "/opt/salt/bin/python3"


def demand_tool(inventory: Inventory, tool: str) -> None:
    """Raise DeployKitError if the release that runs has no such tool."""
    words = ["test", "-f", f"{FOLDER}/{tool}"]
    there = run_on(inventory.master, inventory, words, timeout=30, check=False)
    if there.returncode != 0:
        raise DeployKitError(
            f"{inventory.instance}: its master has no release with salt/nodes/{tool}",
            f"deploy one that holds it to {inventory.instance} first",
        )


def ask(
    inventory: Inventory,
    tool: str,
    words: list[str],
    *,
    timeout: float,
    on_line: Callable[[str], None] | None = None,
) -> Result:
    """What `tool` answered, whatever its exit status. Raises DeployKitError without such a tool,
    NodeUnreachable, and CommandFailed after `timeout` seconds."""
    demand_tool(inventory, tool)
    argv = [PYTHON, f"{FOLDER}/{tool}", *words]
    return run_on(inventory.master, inventory, argv, timeout=timeout, check=False, on_line=on_line)
