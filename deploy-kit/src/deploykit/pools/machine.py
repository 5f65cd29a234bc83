"""How this machine is, for the throttle of what it starts."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SHARE = 0.8  # of its memory, where pools.yml does not say how much


@dataclass(frozen=True, slots=True)
class MachineLook:
    """Runnable processes for each processor, memory pressure in per cent, bytes of memory in all
    and free."""

    load: float
    pressure: float
    memory: int
    free: int

    @property
    def room(self) -> int:
        """Bytes that pods may take in all."""
        return int(self.memory * SHARE)


def look_at_machine(proc: Path = PROC) -> MachineLook:
    """How it is now. Raises OSError where /proc says nothing."""
    values = dict(
        re.findall(r"^(\w+):\s+(\d+) kB$", (proc / "meminfo").read_text("ascii"), re.MULTILINE)
    )
    load = float((proc / "loadavg").read_text("ascii").split()[0])
    return MachineLook(
        load / len(os.sched_getaffinity(0)),
        _pressure(proc / "pressure" / "memory"),
        int(values["MemTotal"]) * 1024,
        int(values["MemAvailable"]) * 1024,
    )


def _pressure(file: Path) -> float:
    """Per cent of the last ten seconds that some process waited for memory; 0 if nobody says."""
    try:
        found = re.search(r"^some avg10=([0-9.]+)", file.read_text("ascii"))
    except OSError:
        return 0.0  # a kernel without PSI
    return float(found[1]) if found else 0.0
