"""One deployment at a time on this master, whatever the clients believe: a fencing token.

A lease alone cannot do it: who holds one may be paused, and go on when it is another's. So each
deployment has a number that only grows (that of its record in the ledger); the master keeps the
highest it saw, and who comes with a lower one is refused. (M. Kleppmann, "How to do distributed
locking", 2016.)
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import time
from pathlib import Path

from . import secrets
from .files import read_json, write_json
from .protocol import AgentError

FILE = "fence.json"
LOCK = "fence.lock"
WAIT = 10.0  # seconds for a session that is ended
STATUS = "deploy-kit status"


class Fence:
    """What this session may change: all with the highest number, nothing while others have it.

    The lock is held as long as the session lives, and names its process and number. The number is
    only written by who holds the lock: of two that come at once none can put it back.
    """

    def __init__(self) -> None:
        self._handle: int | None = None
        self._number: int | None = None

    def take(self, number: int) -> None:
        """Change things as the deployment `number` from now on; an older session ends.

        Raises AgentError if a later deployment has been here, or the older session does not end.
        """
        secrets.ROOT.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._handle is None:
            self._handle = _take_lock(number, until=time.monotonic() + WAIT)
        else:
            _demand_highest(number)
            _name_holder(self._handle, number)
        # Who comes later can only come by ending this process.
        write_json(secrets.ROOT / FILE, {"number": number})
        self._number = number

    def demand(self) -> None:
        """Raise AgentError unless this session may change things now."""
        if self._number is not None:
            _demand_highest(self._number)
        elif secrets.ROOT.is_dir():
            handle = _open_lock()
            try:
                if not _is_free(handle):
                    raise AgentError("a deployment is changing this master just now", STATUS)
            finally:
                os.close(handle)


def _demand_highest(number: int) -> None:
    _demand_no_later(number, read_json(secrets.ROOT / FILE, {"number": 0})["number"])


def _demand_no_later(number: int, other: int) -> None:
    if number < other:
        raise AgentError(
            f"this deployment (record {number} of the ledger) was overtaken: the one of record "
            f"{other} has this master",
            STATUS,
        )


def _take_lock(number: int, until: float) -> int:
    """The lock's open file, held and named; its holder is ended unless it is a later deployment.

    Raises AgentError if a later one has been here, or the lock is not free by `until` (monotonic).
    """
    handle = _open_lock()
    try:
        while not _is_free(handle):
            _demand_highest(number)
            if time.monotonic() > until:
                raise AgentError("the session before on this master does not end")
            _end_holder(handle, number)
            time.sleep(0.1)
        _name_holder(handle, number)
        _demand_highest(number)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _open_lock() -> int:
    return os.open(secrets.ROOT / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_free(handle: int) -> bool:
    """Whether nobody had the lock; it is held by `handle` then."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _name_holder(handle: int, number: int) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()} {_started(os.getpid())} {number}\n".encode(), 0)


def _end_holder(handle: int, number: int) -> None:
    """Kill the process that the lock names; whoever holds it, its orchestration ends with it.

    The name of who had it before stays there until the next one has written its own: a process
    that has the number of one long gone is left alone. Raises AgentError for a later deployment.
    """
    named = re.fullmatch(rb"(\d+) (\d+) (\d+)\n", os.pread(handle, 80, 0))
    if named is None:
        return
    process, started, its_number = (int(group) for group in named.groups())
    if started == _started(process) and process != os.getpid():
        _demand_no_later(number, its_number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _started(process: int) -> int | None:
    """When `process` was started, in ticks since boot (proc_pid_stat(5)); None if it is gone."""
    try:
        text = Path("/proc", str(process), "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(text.rpartition(")")[2].split()[19])
