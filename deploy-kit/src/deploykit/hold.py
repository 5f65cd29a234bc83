"""Holding an environment's lease while a deployment works, and recording how it ended."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta

from deploykit.context import Context
from deploykit.errors import DeployKitError
from deploykit.ledger.lease import LEASE, Lease, begin
from deploykit.release import Release


@contextlib.contextmanager
def held(
    context: Context,
    release: Release,
    environment: str,
    purpose: str,
    length: timedelta = LEASE,
) -> Iterator[Lease]:
    """The lease of `environment` for the length of the block, renewed while it lasts.

    Entering asks policy and records the start in one step of the ledger. The block ends it by
    `lease.finish`; leaving with an error records the failure; a killed process leaves it to be
    taken over. Raises Refused with every reason.
    """
    lease = begin(context.ledger, release, environment, purpose, length=length)
    over = threading.Event()

    def renew() -> None:
        # A renewal that fails is tried again at the next third; `finish` tells of a lost lease.
        while not over.wait(length.total_seconds() / 3):
            with contextlib.suppress(DeployKitError):
                lease.renew()

    renewing = threading.Thread(target=renew, daemon=True)
    renewing.start()
    try:
        yield lease
    except BaseException as error:
        over.set()
        renewing.join()
        with contextlib.suppress(DeployKitError):
            lease.fail(error.message if isinstance(error, DeployKitError) else repr(error))
        raise
    finally:
        over.set()
