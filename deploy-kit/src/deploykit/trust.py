"""Who is trusted for what, as the ledger says: edited files in a checkout change nothing."""

from __future__ import annotations

from deploykit.keys import allowed_signers
from deploykit.ledger import Ledger
from deploykit.ledger.view import signers_in_force

KIT_ROLE = "release-manager"
NAMESPACE = "gitshelf-kit"


def kit_signers(ledger: Ledger) -> str:
    """The allowed_signers text of those who may sign kits now."""
    signers = signers_in_force(ledger.records())
    return allowed_signers(signers, NAMESPACE, role=KIT_ROLE)
