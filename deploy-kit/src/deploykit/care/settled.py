"""What is asked of an environment before its nodes are looked at."""

from __future__ import annotations

from collections.abc import Sequence

from deploykit.base.errors import Refused
from deploykit.ledger import view
from deploykit.ledger.records import Record


def demand_settled(records: Sequence[Record], name: str) -> view.Running:
    """What the environment `name` runs. Raises Refused if that is nothing, or it is just being
    deployed to."""
    runs = view.running(records, name)
    if runs is None:
        raise Refused(f"{name} runs nothing yet", f"deploy-kit deploy latest {name}")
    if view.in_flight(records, name) is not None:
        raise Refused(
            f"{name} is being deployed to: nothing there is what it will be", "deploy-kit status"
        )
    return runs
