"""Which ledger a site's folder trusts, remembered outside of everything that a checkout can change.

The file is named by the site's folder alone: neither another name nor another URL in site.yml
leads around it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploykit.base import files
from deploykit.base.errors import InputError
from deploykit.ledger.records import LedgerError, Record
from deploykit.ledger.schema import COMMIT
from deploykit.ledger.selection import has_commit
from deploykit.site import Site

AT_LEAST = "DEPLOY_KIT_LEDGER_AT_LEAST"  # a commit that the ledger must contain
ACCEPT = "if that is meant, say so by its genesis: deploy-kit ledger accept COMMIT"


@dataclass(frozen=True, slots=True)
class Pin:
    """The ledger that is trusted, and the newest commit that was verified of it.

    `site` and `ledger`: name and remote that site.yml had; `fetched`: when the remote was last
    asked (ISO 8601); `late`: numbers of records that were dated before a fetch that did not yet
    have them.
    """

    genesis: str
    tip: str
    site: str
    ledger: str
    fetched: str = ""
    late: tuple[int, ...] = ()


class TrustFile:
    """The file of the pin; it must not be lost: without it the ledger is trusted anew."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> Pin | None:
        """The pin, or None before the first use. Raises LedgerError for a damaged file."""
        try:
            value = json.loads(self.file.read_text(encoding="utf-8"))
            return _pin(value)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise LedgerError(
                f"{self.file} is damaged",
                "restore it, or remove it to trust the ledger's present state anew",
            ) from None

    def write(self, pin: Pin) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        files.write(self.file, json.dumps(asdict(pin)) + "\n", mode=0o600)


def read_first_format(file: Path, site: Site, remote: str) -> Pin | None:
    """The pin of `remote` as deploy-kit kept it when records were of schema 1, if it is there."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        return Pin(value["genesis"], value["tip"], site.name, remote)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def demand_same_ledger(pin: Pin | None, site: Site, remote: str) -> None:
    """Raise LedgerError if site.yml names another ledger or site than was trusted before."""
    if pin is None:
        return
    file = site.folder / "site.yml"
    if site.genesis is not None and site.genesis != pin.genesis:
        raise LedgerError(
            f"{file}: the ledger that this machine trusts for this site began with "
            f"{pin.genesis[:12]}, not with {site.genesis[:12]}",
            ACCEPT,
        )
    if pin.site != site.name:
        raise LedgerError(
            f"{file}: the site's name is {site.name} now; this machine knows it as {pin.site}",
            ACCEPT,
        )
    if pin.ledger != remote:
        raise LedgerError(
            f"{file}: the ledger is {remote} now; this machine trusts {pin.ledger}", ACCEPT
        )


def demand_known_genesis(pin: Pin | None, site: Site, genesis: str, owned: bool) -> None:
    """Raise LedgerError if nothing says that a ledger of that `genesis` is to be trusted.

    `owned`: it lies in this site's own state, where nobody else put it.
    """
    wanted = pin.genesis if pin else site.genesis
    if wanted is not None and wanted != genesis:
        raise LedgerError(
            f"{site.ledger} holds another ledger than this site trusts: its genesis is "
            f"{genesis[:12]}, not {wanted[:12]}",
            f"check 'ledger:' in site.yml; {ACCEPT}",
        )
    if wanted is None and not owned:
        raise LedgerError(
            f"nothing says whether the ledger in {site.ledger} is the right one: this machine "
            "never saw it, and site.yml names no genesis",
            "compare with `deploy-kit ledger verify` on a machine that knows it, then write\n"
            f"  ledger: {{url: {site.ledger}, genesis: {genesis}}}\n"
            f"in {site.folder / 'site.yml'}",
        )


def demand_own_records(site: Site, records: Sequence[Record]) -> None:
    """Raise LedgerError if the ledger is another site's, or lacks $DEPLOY_KIT_LEDGER_AT_LEAST."""
    named = records[0].body["site"]
    if named != site.name:
        raise LedgerError(
            f"the ledger in {site.ledger} is that of the site '{named}', not of '{site.name}'",
            "check 'name:' and 'ledger:' in site.yml",
        )
    least = os.environ.get(AT_LEAST, "")
    if least and not COMMIT.fullmatch(least):
        raise InputError(f"{AT_LEAST} is no commit: {least!r}", "write all its digits")
    if least and not has_commit(records, least):
        raise LedgerError(
            f"the ledger in {site.ledger} does not contain the commit {least[:12]}, which "
            f"{AT_LEAST} asks for: it was rewritten or lags behind",
            "compare with `deploy-kit ledger verify` on another machine",
        )


def _pin(value: dict[str, Any]) -> Pin:
    fields = ("genesis", "tip", "site", "ledger", "fetched")
    if not all(isinstance(value[name], str) for name in fields):
        raise TypeError("a field of the pin is no text")
    late = tuple(int(n) for n in value["late"])
    return Pin(**{name: value[name] for name in fields}, late=late)
