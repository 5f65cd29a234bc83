"""The ledger: an append-only git branch of signed records, and what is derived from it."""

from deploykit.ledger.records import Body, LedgerError, Record
from deploykit.ledger.store import Ledger, utc_now

__all__ = ["Body", "Ledger", "LedgerError", "Record", "utc_now"]
