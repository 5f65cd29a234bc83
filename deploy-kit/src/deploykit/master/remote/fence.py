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

from . import secrets
from .files import read_json, write_json
from .protocol import AgentError

FILE = "fence.json"
LOCK = "fence.lock"
WAIT = 10.0  # seconds for a session that is ended
STATUS = "deploy-kit status"


class Fence:
    """What this session may change: all with the highest number, nothing while others have it.

    The lock is held as long as the session lives, and names its process.
    """

    def __init__(self) -> None:
        self._handle: int | None = None
        self._number: int | None = None

    def take(self, number: int) -> None:
        """Change things as the deployment `number` from now on; an older session ends.

        Raises AgentError if a later deployment has been here, or the older session does not end.
        """
        secrets.ROOT.mkdir(parents=True, exist_ok=True, mode=0o700)
        _demand_highest(number)
        write_json(secrets.ROOT / FILE, {"number": number})
        if self._handle is None:
            self._handle = _lock(until=time.monotonic() + WAIT)
        # Two may have come at once: the higher number stays, and only its session goes on.
        _demand_highest(number)
        self._number = number

    def demand(self) -> None:
        """Raise AgentError unless this session may change things now."""
        if self._number is not None:
            _demand_highest(self._number)
        elif self._handle is None and secrets.ROOT.is_dir():
            handle = _lock(until=None)
            if handle is None:
                raise AgentError("a deployment is changing this master just now", STATUS)
            os.close(handle)


def _demand_highest(number: int) -> None:
    highest = read_json(secrets.ROOT / FILE, {"number": 0})["number"]
    if number < highest:
        raise AgentError(
            f"this deployment (record {number} of the ledger) was overtaken: the one of record "
            f"{highest} has this master",
            STATUS,
        )


def _lock(until: float | None) -> int | None:
    """The lock's open file; with `until` (monotonic) its holder is ended first, else None if it is
    held."""
    handle = os.open(secrets.ROOT / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if until is None:
                os.close(handle)
                return None
            if time.monotonic() > until:
                os.close(handle)
                raise AgentError("the session before on this master does not end") from None
            _end_holder(handle)
            time.sleep(0.1)
            continue
        if until is not None:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        return handle


def _end_holder(handle: int) -> None:
    """Kill the process that the lock names; whoever holds it, its orchestration ends with it."""
    named = re.fullmatch(rb"(\d+)\n", os.pread(handle, 32, 0))
    if named and int(named[1]) != os.getpid():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(named[1]), signal.SIGKILL)
