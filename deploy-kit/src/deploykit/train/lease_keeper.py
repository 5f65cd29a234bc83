"""Holding an environment's lease while a deployment works, and recording how it ended."""

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
class Hold:
    """A lease that is renewed while it is held; `over` is the digest that ran before, or None."""

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
        """Raise Refused where somebody else has taken the environment over meanwhile."""
        if self._lost:
            raise self._lost[0]

    def finish(self, summary: str) -> None:
        """Record that the environment runs the release now. Raises Refused as `check` does."""
        self.lease.finish(summary)


@contextlib.contextmanager
def held(
    ledger: Ledger,
    release: Release,
    environment: str,
    purpose: Purpose,
    length: timedelta = LEASE,
) -> Iterator[Hold]:
    """The lease of `environment` for the length of the block, renewed while it lasts.

    Entering asks policy and records the start in one step of the ledger. The block ends it by
    `finish`; leaving with an error records the failure; a killed process leaves it to be taken
    over. Raises Refused with every reason.
    """
    lease = begin(ledger, release, environment, purpose, length=length, runnable=check_names())
    hold = Hold(lease)
    over = threading.Event()

    def renew() -> None:
        while not over.wait(length.total_seconds() / 3):
            hold.renew()

    renewing = threading.Thread(target=renew, daemon=True)
    renewing.start()
    try:
        yield hold
    except BaseException as error:
        over.set()
        renewing.join()
        with contextlib.suppress(DeployKitError):
            hold.lease.fail(error.message if isinstance(error, DeployKitError) else repr(error))
        raise
    finally:
        over.set()
