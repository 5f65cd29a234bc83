"""The Salt of a release: its wheels brought to an environment's master, and told to day 0.

Day 0 of the release lays them out on each node, fetched from the master, and moves what lives to
them.
"""

from __future__ import annotations

from pathlib import Path

from deploykit.mirror.wheels import WheelSet
from deploykit.mirror.wheelstore import fetch_wheels, lock_in, salt_variables
from deploykit.nodes.inventory import Inventory
from deploykit.rollout.sending import send_set, server_of, set_url
from deploykit.rollout.work import Work


def send_salt(work: Work, content: Path, inventory: Inventory) -> dict[str, object]:
    """Have the master keep the wheels of the Salt that the content (a release, unpacked) brings.

    Returns the variables that the roles of day 0 know; none where the content brings no Salt, and
    its nodes keep the one that they have. Raises InputError if its lock is none, CommandFailed
    where a wheel cannot be had, NodeUnreachable.
    """
    lock = lock_in(content)
    if lock is None:
        return {}
    with work.progress.step(f"{inventory.instance}: Salt {lock.version} to the master") as step:
        wheels, folder = fetch_wheels(lock, work.log(f"{inventory.instance}-salt"))
        send_set(work, inventory, set_name(wheels), folder, wheels.files, step)
    return salt_variables(wheels, set_url(inventory, set_name(wheels)), server_of(inventory))


def set_name(wheels: WheelSet) -> str:
    """What the master calls the set."""
    return f"salt-{wheels.digest}"
