"""The ledger: an append-only git branch of signed records, and what is derived from it."""

from deploykit.base.times import utc_now
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import LedgerError, Record
from deploykit.ledger.store import Ledger

__all__ = ["Body", "Ledger", "LedgerError", "Record", "utc_now"]
