"""A pod that is wanted as long as a block runs, whichever way it is asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from deploykit.base.errors import DeployKitError
from deploykit.pools import LEASE

RENEWED = LEASE / 4  # seconds between two words: some may be lost


@contextlib.contextmanager
def wanted(
    renew: Callable[[], object], give_back: Callable[[], object], every: float
) -> Iterator[None]:
    """Call `renew` every so many seconds while the block runs, and `give_back` after it.

    Neither has to succeed: a renewal is tried again the next time, and what is not given back ends
    with its lease.
    """
    over = threading.Event()

    def keep() -> None:
        while not over.wait(every):
            with contextlib.suppress(DeployKitError):
                renew()

    keeping = threading.Thread(target=keep, name="pool lease", daemon=True)
    keeping.start()
    try:
        yield
    finally:
        over.set()
        keeping.join()
        with contextlib.suppress(DeployKitError):
            give_back()
