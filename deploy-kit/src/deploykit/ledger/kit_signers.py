"""Who is trusted for what, as the ledger says: edited files in a checkout change nothing."""

from __future__ import annotations

from collections.abc import Sequence

from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase
from deploykit.ledger.view import signers_in_force
from deploykit.site.keys import allowed_signers

KIT_ROLE = "release-manager"
NAMESPACE = "gitshelf-kit"


def kit_signers(records: Sequence[Record], digest: str | None = None) -> str:
    """The allowed_signers text of those who may sign kits, after `records`.

    For the kit `digest` also of those who might when it was last deployed well: a signer who has
    left since does not take away what one may have to go back to.
    """
    signers = list(signers_in_force(records))
    for record in reversed(records):
        if (
            record.kind == "deploy"
            and record.body["phase"] == Phase.FINISHED
            and record.body["release"] == digest
        ):
            signers += [s for s in signers_in_force(records[: record.n]) if s not in signers]
            break
    return allowed_signers(signers, NAMESPACE, role=KIT_ROLE)
