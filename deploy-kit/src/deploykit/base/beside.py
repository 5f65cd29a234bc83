"""Work beside a loop's rounds: it may be slow, and no round waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Beside:
    """Does one thing at a time in a thread of its own; it ends with the process."""

    _working: threading.Thread | None = field(default=None, init=False)
    _not_before: float = field(default=0.0, init=False)

    def start(self, work: Callable[[], None]) -> None:
        """Have `work` done, and return at once; not while another is done, or a rest goes on."""
        busy = self._working is not None and self._working.is_alive()
        if not busy and time.monotonic() >= self._not_before:
            self._working = threading.Thread(target=work, daemon=True)
            self._working.start()

    def rest(self, seconds: float) -> None:
        """Start nothing for a while."""
        self._not_before = time.monotonic() + seconds

    def wait(self, seconds: float) -> None:
        """Return when nothing is done any more, or after `seconds`."""
        if self._working is not None:
            self._working.join(seconds)
