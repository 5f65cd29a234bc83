"""What a gate that runs leaves for those who look: how its queues stood when it last looked.

So a page needs neither the gate's account nor its keys, and Gerrit is not asked once more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from deploykit.base import files, times

FILE, FORMAT = "queues.json", 1
MOST = 16 * 2**20  # bytes of it that are read


@dataclass(frozen=True, slots=True)
class Report:
    """How the queues stood `at` a time (`gate.standing.queues_json`)."""

    at: datetime
    queues: list[dict[str, Any]]


def write_report(folder: Path, queues: Sequence[dict[str, Any]], now: datetime) -> None:
    """Leave in the gate's `folder` how its queues stand now."""
    text = json.dumps({"format": FORMAT, "at": times.iso(now), "queues": queues})
    files.write(folder / FILE, text, mode=0o600)


def read_report(folder: Path) -> Report | None:
    """What the gate last left in its `folder`; None if it never ran, or
    another version left it."""
    try:
        with (folder / FILE).open("rb") as file:
            value = json.loads(file.read(MOST))
        if value["format"] != FORMAT:
            return None
        return Report(times.parse(value["at"]), list(value["queues"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
