"""Gerrit's stream of events over SSH: it says that there is something to look at, no more.

What happened is read anew from REST each time. So an event that is lost, doubled or late costs
nothing but time.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence

PAUSE_FIRST, PAUSE_MOST = 1.0, 60.0  # seconds before it is started again


def ssh_command(key: str, known_hosts: str) -> list[str]:
    """SSH with this key to a host of `known_hosts`, without any setting of a person's."""
    options = ("BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes",
               f"UserKnownHostsFile={known_hosts}", "ServerAliveInterval=15",
               "ServerAliveCountMax=4", "ConnectTimeout=20")  # fmt: skip
    words = ["ssh", "-F", "none", "-i", key]
    return [*words, *(word for option in options for word in ("-o", option))]


class Events:
    """Calls `wake` for every event, from a thread of its own, until `stop`."""

    def __init__(self, words: Sequence[str], wake: Callable[[], None]) -> None:
        self._words = [*words, "gerrit", "stream-events"]
        self._wake = wake
        self._ended = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        with self._lock:
            if self._child is not None:
                self._child.kill()
        self._thread.join(timeout=10)

    def _listen(self) -> None:
        pause = PAUSE_FIRST
        while not self._ended.is_set():
            child = self._start()
            if child is not None and child.stdout is not None:
                for _ in child.stdout:
                    pause = PAUSE_FIRST
                    self._wake()
                child.wait()
            # Whatever happened in between is found by looking.
            self._wake()
            self._ended.wait(pause)
            pause = min(PAUSE_MOST, pause * 2)

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._ended.is_set():
                return None
            try:
                self._child = subprocess.Popen(
                    self._words,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            except OSError:
                self._child = None
            return self._child
