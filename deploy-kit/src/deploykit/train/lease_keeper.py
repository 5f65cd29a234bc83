"""Keeping an environment's lease while a deployment works, and recording how it ended."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from deploykit.base.errors import DeployKitError, Refused
from deploykit.checks import check_names
from deploykit.ledger import Ledger
from deploykit.ledger.schema import Purpose
from deploykit.release import Release
from deploykit.train.lease import LEASE, Lease, begin

JUST_NOW = 1 / 30  # of a lease's length: ten seconds
PAUSE = 1.0  # seconds, the least between two renewals beside the work: others append, too


@dataclass(slots=True)
class KeptLease:
    """A lease that is renewed while it is kept; `over` is the digest that ran before, or None.

    `until` is when it ends if it is not renewed, in seconds since this machine's boot: a process
    that was stopped, or slept with its machine, sees that the time went on.
    """

    lease: Lease
    until: float
    _lost: list[Refused] = field(default_factory=list)
    _renewing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def over(self) -> str | None:
        return self.lease.over

    @property
    def fence(self) -> int:
        return self.lease.fence

    def renew(self) -> None:
        """Renew once; a refusal is remembered, other trouble is left to the next turn."""
        with contextlib.suppress(DeployKitError):
            self._renew()

    def check(self) -> None:
        """Make sure by the ledger that the lease is still ours and lasts, or raise Refused.

        It is renewed, unless that was just now: steps that follow at once would only fill the
        ledger. If that cannot be reached, it is held as long as it was last promised, not longer.
        """
        if self._lost:
            raise self._lost[0]
        try:
            if self.until - since_boot() < self.lease.length.total_seconds() * (1 - JUST_NOW):
                self._renew()
            else:
                self.lease.demand_held(self.lease.ledger.fetch_records())
        except Refused:
            raise
        except DeployKitError as error:
            self._demand_time(f"it cannot be renewed: {error.message}", error.remedy)

    def demand_lasting(self) -> None:
        """Raise Refused if the lease is known to be lost, or its time is over; nobody is asked."""
        if self._lost:
            raise self._lost[0]
        self._demand_time("it was not renewed", "deploy-kit status")

    def _demand_time(self, why: str, remedy: str) -> None:
        if since_boot() >= self.until:
            raise Refused(
                f"the lease of {self.lease.environment} ran out, and {why}",
                f"mend that, then run it again\n{remedy}",
            )

    def _renew(self) -> None:
        with self._renewing:
            began = since_boot()
            try:
                self.lease.renew()
            except Refused as error:
                self._lost.append(error)
                raise
            self.until = began + self.lease.length.total_seconds()

    def finish(self, summary: str) -> None:
        """Record that the environment runs the release now. Raises Refused as `check` does."""
        self.lease.finish(summary)


def since_boot() -> float:
    """Seconds since this machine's boot, those that it slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@contextlib.contextmanager
def keeping_lease(
    ledger: Ledger,
    release: Release,
    environment: str,
    purpose: Purpose,
    *,
    length: timedelta = LEASE,
    environment_digest: str | None = None,
    left_out: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[KeptLease]:
    """The lease of `environment` for the length of the block, renewed while it lasts.

    `environment_digest` is of what the environment's files say: what the block brings about, but to
    the nodes that are `left_out`, each for its reason.
    Entering asks policy and records the start in one step of the ledger. The block ends it by
    `finish`; leaving with an error records the failure; a killed process leaves it to be taken
    over. Raises Refused with every reason.
    """
    began = since_boot()
    lease = begin(
        ledger,
        release,
        environment,
        purpose,
        length=length,
        runnable=check_names(),
        environment_digest=environment_digest,
        left_out=left_out,
    )
    kept = KeptLease(lease, began + length.total_seconds())
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(max(length.total_seconds() / 3, PAUSE)):
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
