"""How many jobs run side by side: from processors and memory. Pure but for `this_machine`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
SHARE = 0.8  # of the machine's memory; the rest is for what is no job


@dataclass(frozen=True, slots=True)
class Capacity:
    """Jobs at once, bytes of memory for all of them, and bytes that are free now."""

    jobs: int
    memory: int
    free: int


def may_begin(wanted: int, running: Sequence[int], capacity: Capacity) -> bool:
    """Whether one more job may begin that takes `wanted` bytes, beside `running` (bytes each).

    If none runs, it may, however much it asks for: it would wait for ever else. What the running
    ones have not taken yet of their memory is still theirs.
    """
    if not running:
        return True
    return (
        len(running) < capacity.jobs
        and sum(running) + wanted <= capacity.memory
        and wanted <= capacity.free
    )


def this_machine(meminfo: Path = MEMINFO) -> Capacity:
    """The capacity of this machine: as many jobs as processors that this process may use."""
    values = dict(re.findall(r"^(\w+):\s+(\d+) kB$", meminfo.read_text("ascii"), re.MULTILINE))
    total, free = (int(values[key]) * 1024 for key in ("MemTotal", "MemAvailable"))
    return Capacity(len(os.sched_getaffinity(0)), int(total * SHARE), free)
