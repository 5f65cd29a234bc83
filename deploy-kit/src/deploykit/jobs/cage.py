"""All processes of a job, whatever they did to get away: found, and ended.

Three ways, used together, since none is there or enough everywhere:

* a cgroup of version 2 where this user may make one (root nearly always; others where systemd
  handed them a part of the tree). No fork escapes it and one write kills all of it (`cgroup.kill`);
* the supervisor is the subreaper of its descendants (prctl(2)): a process that leaves its session
  and its parent becomes the supervisor's child, so a walk down from it finds all of them, and no
  child left means no process left. Signals go to pidfds, never to numbers somebody else may have;
* a mark in the environment, for whoever cleans up after a supervisor that was killed itself. It
  misses only those that dropped their environment and have no cgroup.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from deploykit.base.processes import PROC, START_FIELD, stat_fields

MARK = "DEPLOY_KIT_JOB"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>
PPID = 1  # of `stat_fields`: the parent
PATIENCE = 20.0  # seconds for killed processes to be gone


def become_subreaper() -> None:
    """From now on this process adopts what its descendants leave behind."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """To be called in a child: it is killed when the thread that forked it ends."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl: {os.strerror(number)}")


def new_cgroup(name: str) -> Path | None:
    """A new cgroup below this process's own, None if none can be made."""
    with contextlib.suppress(OSError, StopIteration):
        mounts = (PROC / "self/mountinfo").read_text("utf-8").splitlines()
        mount = next(line.split()[4] for line in mounts if " - cgroup2 " in line)
        own = (PROC / "self/cgroup").read_text("utf-8").splitlines()
        path = next(line.removeprefix("0::") for line in own if line.startswith("0::"))
        group = Path(mount) / path.lstrip("/") / name
        group.mkdir(exist_ok=True)
        if (group / "cgroup.kill").exists():
            return group
        group.rmdir()  # a kernel before 5.14
    return None


def enter(group: Path) -> None:
    """Put this process into the cgroup `group`."""
    (group / "cgroup.procs").write_text("0", "ascii")


def signal_all(number: int, group: Path | None, root: int | None, mark: str = "") -> bool:
    """Send the signal `number` to every process of a job; returns whether there was any.

    They are those in `group` and below it, the descendants of the process `root`, and those that
    have `mark` as MARK in their environment.
    """
    processes = dict(_living_processes(group, root, mark))
    for pid, started in processes.items():
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                # The process that was seen, not a later one of its number.
                if stat_fields(pid)[START_FIELD] == started:
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)
    return bool(processes)


def kill_all(group: Path | None, root: int | None, mark: str = "") -> bool:
    """Kill every process of a job; returns whether none is left after at most PATIENCE seconds.

    Those that fork all the time are stopped first, so that no new one comes while others go.
    """
    until = time.monotonic() + PATIENCE
    while True:
        if group is not None:
            with contextlib.suppress(OSError):
                (group / "cgroup.kill").write_text("1", "ascii")
        signal_all(signal.SIGSTOP, group, root, mark)
        any_left = signal_all(signal.SIGKILL, group, root, mark)
        if root == os.getpid():
            bury()
        if not any_left:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.01)


def bury() -> dict[int, int]:
    """Collect the children of this process that have ended: their wait status by process number."""
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG))[0]:
            ended[child[0]] = child[1]
    return ended


def remove_cgroup(group: Path | None) -> None:
    """Remove `group` and those below it, as far as they are empty."""
    if group is None:
        return
    for folder in [*sorted(group.rglob("*/"), reverse=True), group]:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _living_processes(group: Path | None, root: int | None, mark: str) -> Iterator[tuple[int, str]]:
    """Number and start of each living process of a job."""
    stats: dict[int, list[str]] = {}
    for pid in _numbers(entry.name for entry in os.scandir(PROC)):
        with contextlib.suppress(ProcessLookupError):
            stat = stat_fields(pid)
            if stat[0] not in "ZX":
                stats[pid] = stat
    wanted = set(_in_cgroup(group)) if group is not None else set()
    if root is not None:
        wanted |= _descendants(root, stats)
    if mark:
        wanted |= {pid for pid in stats if _has_mark(pid, mark)}
    for pid in wanted - {os.getpid()}:
        if pid in stats:
            yield pid, stats[pid][START_FIELD]


def _descendants(root: int, stats: dict[int, list[str]]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(int(stat[PPID]), []).append(pid)
    descendants: set[int] = set()
    todo = list(children.get(root, ()))
    while todo:
        pid = todo.pop()
        descendants.add(pid)
        todo += children.get(pid, ())
    return descendants


def _in_cgroup(group: Path) -> Iterator[int]:
    for folder in (group, *group.rglob("*/")):
        with contextlib.suppress(OSError):
            yield from _numbers((folder / "cgroup.procs").read_text("ascii").split())


def _has_mark(pid: int, mark: str) -> bool:
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{MARK}={mark}".encode() in environment.split(b"\0")


def _numbers(words: Iterable[str]) -> Iterator[int]:
    return (int(word) for word in words if word.isdecimal())
