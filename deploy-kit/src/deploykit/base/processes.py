"""Processes of this host, told apart from others that had or will have their numbers."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploykit.base.printable import one_line

PROC = Path("/proc")
START_FIELD = 19  # of /proc/PID/stat behind the command's name: start time in clock ticks (proc(5))


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told apart from any other that had or will have its number.

    `started` is `BOOT-ID:TICKS`: the kernel's boot id and the process's start since that boot;
    `space` the inode of its pid namespace ('' if that is not known), which containers of one host
    differ by. The host's name is for people: others may have the same.
    """

    user: str
    host: str
    pid: int
    started: str
    space: str = ""

    def __str__(self) -> str:
        return f"{one_line(self.user)}@{one_line(self.host)} (process {self.pid})"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def parse_process(value: Mapping[str, Any]) -> Process:
    """The process that owns a lease, by a checked `deploy` record."""
    return Process(value["user"], value["host"], value["pid"], value["started"], value["space"])


def this_process() -> Process:
    """The process that asks."""
    pid = os.getpid()
    return Process(login(), socket.gethostname(), pid, f"{_boot()}:{_ticks(pid)}", _space())


def login() -> str:
    """The user's name, or `uidN` if the system has none for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"


def is_dead(process: Process) -> bool:
    """Whether that process is known to be gone.

    Only known for processes of this run of this kernel that are counted in this pid namespace: if
    their number is free, or now another process's. Of all others nothing is known, not even of
    this machine before it was booted: one that was cloned looks the same. So the answer is False.
    """
    boot = process.started.rpartition(":")[0]
    if not process.space or process.space != _space() or boot != _boot() or boot == "unknown":
        return False
    return is_gone(process.pid, process.started)


def is_gone(pid: int, started: str = "") -> bool:
    """Whether the process with the number `pid` of this host is gone.

    `started` is its start as `Process.started` tells it, so that another process that has its
    number by now is not taken for it. If the start is not known (''), the number alone counts.
    """
    boot, _, ticks = started.rpartition(":")
    if started and (not boot or boot == "unknown"):
        return False
    if boot and boot != _boot():
        return True
    return _ticks(pid) != ticks if ticks else _ticks(pid) == "gone"


def runs_program(pid: int, program: str) -> bool:
    """Whether the process with that number is there and was started as `program`."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    # Nothing stands there if it is dead and only not yet buried.
    return Path(words[0].decode(errors="replace")).name == program


def stat_fields(pid: int) -> list[str]:
    """What stands behind the command's name in /proc/PID/stat (proc(5)).

    Raises ProcessLookupError if there is no such process.
    """
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise ProcessLookupError(pid) from None
    return stat.rpartition(")")[2].split()


def _boot() -> str:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def _space() -> str:
    try:
        return str((PROC / "self/ns/pid").stat().st_ino)
    except OSError:
        return ""


def _ticks(pid: int) -> str:
    """The start ticks of a process; `gone` when there is none (a zombie has ended too)."""
    try:
        fields = stat_fields(pid)
    except ProcessLookupError:
        return "gone"
    return "gone" if fields[0] in "ZX" else fields[START_FIELD]
