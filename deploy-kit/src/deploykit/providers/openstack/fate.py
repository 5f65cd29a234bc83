"""What a server's state, as nova tells it, means to whoever wants it to run: pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from deploykit.providers.contract import NodeState

TASK, LAUNCHED = "OS-EXT-STS:task_state", "OS-SRV-USG:launched_at"
WAIT_FOR = frozenset({"BUILD", "REBOOT", "HARD_REBOOT", "REBUILD", "PASSWORD", "MIGRATING"})


class Fate(Enum):
    """What is to be done about a server."""

    RUNS = "it runs"
    WAIT = "it is on its way"
    START = "it is stopped, and can be started"
    REMOVE = "it failed before it ever ran"
    GOES = "it is being removed"
    STUCK = "a person has to look"


def fate_of(server: Mapping[str, Any]) -> Fate:
    """What is to be done about a server of nova's list."""
    status, task = server["status"], server.get(TASK)
    if task == "deleting" or status in ("DELETED", "SOFT_DELETED"):
        return Fate.GOES
    if status == "ERROR":
        return Fate.STUCK if server.get(LAUNCHED) else Fate.REMOVE
    if task is not None or status in WAIT_FOR:
        return Fate.WAIT
    if status == "ACTIVE":
        return Fate.RUNS
    return Fate.START if status == "SHUTOFF" else Fate.STUCK


def state_of(server: Mapping[str, Any] | None) -> NodeState:
    """The same for `status`: whether the node runs."""
    if server is None or fate_of(server) is Fate.GOES:
        return NodeState.MISSING
    return NodeState.RUNNING if server["status"] == "ACTIVE" else NodeState.STOPPED
