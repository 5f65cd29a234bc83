"""A node that goes for good, or is made anew: what the region knows of it goes with it.

How the region is asked is the content's: `salt/nodes/forget.py` of the release that runs there.
"""

from __future__ import annotations

from deploykit.base.errors import CommandFailed, Refused
from deploykit.base.process import last_line
from deploykit.nodes.inventory import Inventory
from deploykit.rollout.nodetools import ask

TOOL = "forget.py"
TIMEOUT = 300.0  # seconds


def demand_may_go(inventory: Inventory, node: str) -> None:
    """Raise Refused if the release needs the node, or something still is on it; DeployKitError if
    the region cannot be asked."""
    done = ask(inventory, TOOL, ["check", node], timeout=TIMEOUT)
    if done.returncode != 0:
        raise Refused(
            f"{inventory.instance}: {node} cannot go: {last_line(done.stderr) or 'no reason'}",
            f"deploy-kit env maintain {inventory.instance} {node} moves instances away; of what is "
            "a cluster no node is taken out",
        )


def forget(inventory: Inventory, node: str) -> list[str]:
    """Have the region forget the node; what went, in words. Raises CommandFailed."""
    done = ask(inventory, TOOL, ["forget", node], timeout=TIMEOUT)
    if done.returncode != 0:
        raise CommandFailed(
            f"{inventory.instance}: {node} is not forgotten: {last_line(done.stderr)}",
            "run this again: what went already is no hindrance",
        )
    return [line for line in done.stdout.splitlines() if line.strip()]
