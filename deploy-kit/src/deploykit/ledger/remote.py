"""Where a site's ledger is, and whether this machine is to trust what is there."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.ledger.index import Memory
from deploykit.ledger.records import LedgerError
from deploykit.ledger.repository import Clone
from deploykit.ledger.trust import Pin, TrustFile
from deploykit.site import Site


def clone_of(site: Site) -> Clone:
    """The clone of a site's ledger in its state. Raises InputError as `checked_remote` does."""
    remote = checked_remote(site)
    name = hashlib.sha256(remote.encode()).hexdigest()[:8]
    owned = remote == str(site.state / "ledger.git")
    return Clone(site.state / "ledger" / f"{name}.git", remote, owned)


def memory_of(clone: Clone) -> Memory:
    """What is remembered of the ledger in `clone`."""
    return Memory(clone.folder.with_suffix(""))


def accept_ledger(site: Site, genesis: str) -> None:
    """Trust the ledger and the name that site.yml has now, if it began with the commit `genesis`.

    Raises LedgerError where there is none, or it began otherwise.
    """
    clone = clone_of(site)
    memory = memory_of(clone)
    with memory.locked():
        clone.prepare()
        tip = clone.fetch()
        first = clone.history(None, tip.commit)[0] if tip else "nothing"
        if first != genesis:
            raise LedgerError(
                f"the ledger in {clone.remote} began with {first[:12]}, not with {genesis[:12]}",
                "compare with `deploy-kit ledger verify` on another machine",
            )
        memory.forget()
        TrustFile(site.trust).write(Pin(genesis, genesis, site.name, clone.remote))


def checked_remote(site: Site) -> str:
    """Where a site's ledger is: a URL, or a path taken from the site's folder.

    Raises InputError for what git would take as an option or run as a program, and for a URL with
    a password in it.
    """
    remote = site.ledger
    where = f"{site.folder / 'site.yml'}: ledger"
    if re.match(r"[A-Za-z0-9+.-]+://[^/]*:[^/]*@", remote):
        raise InputError(f"{where}: the URL holds a password", "use a credential helper, or SSH")
    if remote.startswith("-") or re.match(r"[A-Za-z0-9+.-]+::", remote):
        raise InputError(f"{where}: {remote} is no repository", "write a URL or a path")
    if "://" in remote or re.match(r"[^/]+:", remote):
        return remote
    return str((site.folder / Path(remote).expanduser()).resolve())
