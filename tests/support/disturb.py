"""Kill this process, or fail, at the n-th thing that it asks of the world around it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from deploykit.base.errors import DeployKitError
from deploykit.checks import smoke
from deploykit.ledger import Ledger
from deploykit.master.session import MasterSession
from deploykit.rollout import day0
from fakeprovider import FakeProvider

# What changes something, or is waited for: masters, provider, ledger, day 0 and the smoke test.
SEAMS: tuple[tuple[Any, str], ...] = (
    (MasterSession, "__enter__"),
    (MasterSession, "call"),
    (FakeProvider, "up"),
    (FakeProvider, "down"),
    (FakeProvider, "inventory"),
    (FakeProvider, "tag"),
    (Ledger, "append"),
    (smoke, "run_tests"),
)
# Where a request is out and its answer is not there yet.
UNDER_WAY: tuple[tuple[Any, str], ...] = ((MasterSession, "_write"),)
READS: tuple[tuple[Any, str], ...] = ((Ledger, "fetch_records"), (FakeProvider, "instances"))

KILLED_BEFORE = "killed before"
KILLED_AFTER = "killed after"
KILLED_WITHIN = "killed within"
FAILS_BEFORE = "fails before"
FAILS_AFTER = "fails after"
PAUSED_BEFORE = "paused before"
PAUSED_AFTER = "paused after"


@dataclass(slots=True)
class Disturbance:
    """At call number `when` of the seams: `how`. What was reached is told in the file `told`.

    With `only`, calls of that name alone are counted, as `told` tells them.
    """

    how: str
    when: int
    told: Path
    only: str = ""
    count: int = 0

    def arm(self) -> None:
        """Wrap every seam in this process, for good: only for one that ends soon (World.apart)."""
        within, fails = self.how == KILLED_WITHIN, self.how.startswith("fails")
        for owner, name in UNDER_WAY if within else (*SEAMS, *(READS if fails else ())):
            call = self._around(f"{owner.__name__}.{name}", getattr(owner, name))
            setattr(owner, name, call)
        if not within:
            keywords = day0.__kwdefaults__
            keywords["runner"] = self._around("ansible-playbook", keywords["runner"])

    def _around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def disturbed(*words: Any, **more: Any) -> Any:
            full = f"{name} {words[1]}" if name == "MasterSession.call" else name
            self.count += not self.only or self.only == full
            mine = self.count == self.when and (not self.only or self.only == full)
            if mine:
                self.told.write_text(full)
                self._strike("before", name)
            result = call(*words, **more)
            if mine:
                self._strike("after", name)
            return result

        return disturbed

    def _strike(self, place: str, name: str) -> None:
        if self.how == f"killed {place}" or (place, self.how) == ("after", KILLED_WITHIN):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == f"paused {place}":
            os.kill(os.getpid(), signal.SIGSTOP)  # whoever wants it to go on says SIGCONT
        if self.how == f"fails {place}":
            raise DeployKitError(f"{name} fails, as this test wants it")
