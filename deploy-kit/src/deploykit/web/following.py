"""The ledger followed in the background, so that no page waits for it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from deploykit.base.errors import DeployKitError
from deploykit.base.trouble import Trouble
from deploykit.ledger import Ledger, utc_now
from deploykit.ledger.reading import read_again
from deploykit.site import Site
from deploykit.web.snapshot import Snapshot, take_snapshot

EVERY = 5.0  # seconds between two readings
PAUSE_MOST = 60.0  # where the ledger cannot be read: each time twice as many, up to these
FRESH = 60.0  # seconds after which a snapshot is made anew: soaks end and leases run out


class Following:
    """A site's ledger, read again and again; `snapshot` is what was made of it last.

    At most half of the time goes into making snapshots, whatever is written into the ledger. Within
    `with` a thread reads; if it breaks, `ended` is called, and the end of the block raises why.
    """

    def __init__(
        self,
        site: Site,
        ledger: Ledger,
        *,
        every: float = EVERY,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._site = site
        self._ledger = ledger
        self._every = self.pause = every
        self._ended = ended
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="ledger", daemon=True)
        self._broken: BaseException | None = None
        self._took = 0.0
        self._made_at = 0.0
        self.read = utc_now()
        self.snapshot = self._make(None, None)

    def __enter__(self) -> Following:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        # A fetch that hangs has its own limit of time; who ends this does not wait for it.
        self._thread.join(timeout=1.0)
        if self._broken is not None:
            raise self._broken

    def look(self) -> None:
        """Read the ledger once, and make a snapshot if one is due."""
        done, trouble = read_again(self._ledger)
        if done:
            self.read, self.pause = utc_now(), self._every
        else:
            self.pause = min(PAUSE_MOST, self.pause * 2)
        if not self._is_due(trouble):
            return
        try:
            self.snapshot = self._make(trouble, self.snapshot)
        except (DeployKitError, OSError) as error:  # of the site's files: what was seen stays
            trouble, tag = Trouble.of(error), secrets.token_hex(8)
            self.snapshot = replace(self.snapshot, trouble=trouble, tag=tag)

    def _is_due(self, trouble: Trouble | None) -> bool:
        idle = time.monotonic() - self._made_at
        before = self.snapshot
        changed = self._ledger.known[-1:] != before.records[-1:] or trouble != before.trouble
        return idle >= self._took if changed else idle >= max(FRESH, 10 * self._took)

    def _make(self, trouble: Trouble | None, before: Snapshot | None) -> Snapshot:
        began = time.monotonic()
        records, now = self._ledger.known, _now(self._ledger)
        made = take_snapshot(self._site, records, now, trouble, before=before)
        self._made_at = time.monotonic()
        self._took = self._made_at - began
        return made

    def _follow(self) -> None:
        try:
            while not self._stop.wait(self.pause):
                self.look()
        except BaseException as error:
            self._broken = error
            self._ended()


def _now(ledger: Ledger) -> datetime:
    """The present, or the last record's time where another machine's clock is a little ahead."""
    return max(utc_now(), ledger.known[-1].time)
