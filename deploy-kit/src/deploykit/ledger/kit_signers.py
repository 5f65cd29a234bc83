"""Who is trusted for what, as the ledger says: edited files in a checkout change nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase
from deploykit.ledger.selection import select
from deploykit.ledger.view import compromises, signers_in_force
from deploykit.site.keys import allowed_signers

KIT_ROLE = "release-manager"
NAMESPACE = "gitshelf-kit"


def kit_signers(records: Sequence[Record]) -> str:
    """The allowed_signers text of those who may sign kits, after `records`."""
    return allowed_signers(signers_in_force(records), NAMESPACE, role=KIT_ROLE)


def kit_signers_back(records: Sequence[Record], digest: str, environment: str) -> str:
    """As `kit_signers`, for going back to the kit `digest` in `environment`.

    Also those who might sign kits when that kit was last deployed well there: a signer who has left
    since does not take away what one may have to go back to. Not one whose key was compromised
    before that.
    """
    signers = list(signers_in_force(records))
    deployed = select(
        records,
        "deploy",
        topics=(Phase.FINISHED,),
        environments=(environment,),
        release=digest,
        newest_first=True,
    )
    for record in itertools.islice(deployed, 1):
        then = signers_in_force(records[: record.n])
        bad = {one.principal for one in compromises(records) if one.since <= record.n}
        signers += [s for s in then if s not in signers and s.principal not in bad]
    return allowed_signers(signers, NAMESPACE, role=KIT_ROLE)
