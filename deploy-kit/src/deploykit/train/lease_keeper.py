"""Keeping an environment's lease while a deployment works, and recording how it ended."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from deploykit.base.errors import DeployKitError, Refused
from deploykit.checks import check_names
from deploykit.ledger import Ledger
from deploykit.ledger.schema import Purpose
from deploykit.release import Release
from deploykit.train.lease import LEASE, Lease, begin


@dataclass(slots=True)
class KeptLease:
    """A lease that is renewed while it is kept; `over` is the digest that ran before, or None."""

    lease: Lease
    _lost: list[Refused] = field(default_factory=list)

    @property
    def over(self) -> str | None:
        return self.lease.over

    def renew(self) -> None:
        """Renew once; a refusal is remembered, other trouble is left to the next turn."""
        try:
            self.lease.renew()
        except Refused as error:
            self._lost.append(error)
        except DeployKitError:
            pass

    def check(self) -> None:
        """Raise Refused if somebody else has taken the environment over meanwhile."""
        if self._lost:
            raise self._lost[0]

    def finish(self, summary: str) -> None:
        """Record that the environment runs the release now. Raises Refused as `check` does."""
        self.lease.finish(summary)


@contextlib.contextmanager
def keeping_lease(
    ledger: Ledger,
    release: Release,
    environment: str,
    purpose: Purpose,
    *,
    length: timedelta = LEASE,
) -> Iterator[KeptLease]:
    """The lease of `environment` for the length of the block, renewed while it lasts.

    Entering asks policy and records the start in one step of the ledger. The block ends it by
    `finish`; leaving with an error records the failure; a killed process leaves it to be taken
    over. Raises Refused with every reason.
    """
    lease = begin(ledger, release, environment, purpose, length=length, runnable=check_names())
    kept = KeptLease(lease)
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(length.total_seconds() / 3):
            kept.renew()

    renewing = threading.Thread(target=renew, daemon=True)
    renewing.start()
    try:
        yield kept
    except BaseException as error:
        ended.set()
        renewing.join()
        with contextlib.suppress(DeployKitError):
            kept.lease.fail(error.message if isinstance(error, DeployKitError) else repr(error))
        raise
    finally:
        ended.set()
