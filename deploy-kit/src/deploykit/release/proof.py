"""That a release is what its version says: the ledger binds version, digest and pins together.

A kit does not hold its version, and its folder in the store is only a name: without this, an old
signed kit under a new version would be as good as the new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deploykit.base.errors import Refused
from deploykit.ledger.records import Record
from deploykit.ledger.view import released
from deploykit.ledger.words import short
from deploykit.release import Release

if TYPE_CHECKING:
    from gitshelf import Verified


def prove(release: Release, records: Sequence[Record], signers: str) -> Verified:
    """Prove the kit of `release`: who signed it, every file in it, and that it is that version.

    `signers` is an allowed_signers text. Raises gitshelf's Refused where the kit is not what it
    says or is signed by nobody known, Refused where the ledger knows its digest by another version
    or other pins, or not at all.
    """
    proven = release.verify(signers)
    known = released(records, release.digest)
    where = f"{release.folder}: the kit of {release.version}"
    if known is None:
        raise Refused(
            f"{where} is {short(release.digest)}, which nobody released: no record of the ledger "
            "has that digest",
            "a release manager records it: deploy-kit release cut, or deploy-kit release verify",
        )
    if known.version != release.version:
        raise Refused(
            f"{where} is {short(release.digest)}, and that is {known.version}",
            f"remove {release.folder}: it is built again from the pins of {release.version}",
        )
    pins = known.pins or proven.lock.manifest
    if proven.lock.manifest != pins:
        raise Refused(f"{where} was built from other pins than the ledger has", _CHANGED)
    if release.manifest.is_file() and pins_digest(release.manifest.read_bytes()) != pins:
        raise Refused(
            f"{release.manifest}: these are not the pins that {release.version} was released "
            f"with: the ledger has {pins[:12]}",
            _CHANGED,
        )
    return proven


_CHANGED = "somebody changed it since: get the pins back with git, or cut another release"


def pins_digest(text: bytes) -> str:
    """The SHA-256 of a release's pins, as the ledger and KIT/lock.json have it."""
    return hashlib.sha256(text).hexdigest()
