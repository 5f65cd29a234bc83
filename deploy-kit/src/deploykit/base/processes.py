"""Which process holds a lease, and whether that process is still there."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")
START_FIELD = 19  # of /proc/PID/stat behind the command's name: start time in clock ticks (proc(5))


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told apart from any other that had or will have its number.

    `started` is `BOOT-ID:TICKS`: the kernel's boot id and the process's start since that boot.
    """

    user: str
    host: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host} (process {self.pid})"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def parse_owner(value: Mapping[str, Any]) -> Owner:
    """The owner of a checked `deploy` record."""
    return Owner(value["user"], value["host"], value["pid"], value["started"])


def this_process() -> Owner:
    """The owner that this process is."""
    pid = os.getpid()
    return Owner(login(), socket.gethostname(), pid, f"{_boot()}:{_ticks(pid)}")


def login() -> str:
    """The user's name, or `uidN` where the system has none for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"


def is_dead(owner: Owner) -> bool:
    """Whether that process is known to be gone.

    Only known for processes of this host: those of an earlier boot, or whose number is free or
    now another process's. Of other hosts nothing is known, so the answer is False.
    """
    if owner.host != socket.gethostname():
        return False
    boot, _, ticks = owner.started.rpartition(":")
    if not boot or boot == "unknown":
        return False
    if boot != _boot():
        return True
    return _ticks(owner.pid) != ticks


def _boot() -> str:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def _ticks(pid: int) -> str:
    """The start ticks of a process; `gone` when there is none (a zombie has ended too)."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "gone"
    fields = stat.rpartition(")")[2].split()
    return "gone" if fields[0] in "ZX" else fields[START_FIELD]
