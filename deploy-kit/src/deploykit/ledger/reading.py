"""The ledger read again by who only looks: what is in the way is told, and what was known stays."""

from __future__ import annotations

from deploykit.base.errors import DeployKitError
from deploykit.base.trouble import Trouble
from deploykit.ledger.store import Ledger


def read_again(ledger: Ledger) -> tuple[bool, Trouble | None]:
    """Fetch what is new; whether the ledger could be read, and what is wrong with it or with that.

    Its records are those that are `known`.
    """
    try:
        ledger.fetch_records()
    except (DeployKitError, OSError) as error:
        return False, Trouble.of(error)
    return True, Trouble.of(ledger.fault) if ledger.fault is not None else None
