"""Instances leave a hypervisor and it is used again, by the content's tool salt/nodes/moves.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from deploykit.base.errors import Refused
from deploykit.base.process import last_line
from deploykit.nodes.inventory import Inventory
from deploykit.rollout.nodetools import ask

TOOL = "moves.py"
EMPTY, EVACUATE, BACK = "empty", "evacuate", "back"
GRACE = 180.0  # seconds beyond the limit: a migration is ended, nova is slow to answer
BACK_SECONDS = 300.0
Note = Callable[[str], None]


@dataclass(slots=True)
class Moved:
    """Which instances left a hypervisor (the instance -> where to), which stay and why.

    `was_open`: nova used the hypervisor until then.
    """

    moved: dict[str, str] = field(default_factory=dict)
    stays: dict[str, str] = field(default_factory=dict)
    was_open: bool = True

    def take(self, line: str) -> str:
        """Learn from one line of the tool; what it says for people, '' for nothing."""
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            return ""
        if "moved" in said:
            self.moved[said["moved"]] = said["to"]
            return f"{said['moved']} is on {said['to']} after {said['seconds']} s"
        if "stays" in said:
            self.stays[said["stays"]] = said["why"]
            return f"{said['stays']} stays: {said['why']}"
        if "closed" in said:
            self.was_open = bool(said["closed"])
        return str(said.get("note", ""))


def leave(inventory: Inventory, node: str, how: str, limit: float, on_note: Note) -> Moved:
    """Close `node` for instances, and bring every one of it elsewhere: EMPTY, or EVACUATE from a
    dead one; `limit` is in seconds.

    Raises Refused with the region's reason where it says no to the whole.
    """
    found = Moved()

    def on_line(line: str) -> None:
        if told := found.take(line):
            on_note(told)

    why = f"deploy-kit env {'maintain' if how == EMPTY else how}"
    words = [how, node, f"{limit:.0f}", why]
    done = ask(inventory, TOOL, words, timeout=limit + GRACE, on_line=on_line)
    _demand_done(inventory, node, done.returncode, done.stderr)
    return found


def use_again(inventory: Inventory, node: str) -> str:
    """Let nova use `node` again; what it says of before. Raises Refused with its reason."""
    done = ask(inventory, TOOL, [BACK, node], timeout=BACK_SECONDS)
    _demand_done(inventory, node, done.returncode, done.stderr)
    return Moved().take(last_line(done.stdout))


def demand_empty(inventory: Inventory, node: str, found: Moved, remedy: str) -> None:
    """Raise Refused that names every instance that stays, and why."""
    if found.stays:
        told = "; ".join(f"{name}: {why}" for name, why in found.stays.items())
        raise Refused(
            f"{inventory.instance}: {node} is not empty, {len(found.stays)} stay: {told}", remedy
        )


def _demand_done(inventory: Inventory, node: str, status: int, said: str) -> None:
    if status != 0:
        raise Refused(
            f"{inventory.instance}: {node}: {last_line(said) or 'no reason'}",
            f"deploy-kit env status {inventory.instance}",
        )
