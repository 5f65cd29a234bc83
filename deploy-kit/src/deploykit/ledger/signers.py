"""Changing who may sign: a `signers` record that replaces the list before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from deploykit.base.errors import InputError, Refused
from deploykit.base.yamlfile import nearest
from deploykit.ledger import Ledger
from deploykit.ledger.kinds import Body, signers_body
from deploykit.ledger.records import Record
from deploykit.ledger.view import signers_in_force
from deploykit.site.keys import PRINCIPAL, ROLES, Signer, read_key


def trust(ledger: Ledger, principal: str, keyfile: Path, roles: Sequence[str]) -> Record:
    """Record that the public key in `keyfile` is `principal`'s and may sign for `roles`.

    Raises InputError for a name, key or role that cannot be, Refused where no admin would be left.
    """
    if not PRINCIPAL.fullmatch(principal):
        raise InputError(
            f"'{principal}' cannot be a signer's name", "use letters, digits and . _ + @ -"
        )
    for role in roles:
        if role not in ROLES:
            raise InputError(f"there is no role '{role}'", nearest(role, ROLES))
    signer = Signer(principal, read_key(keyfile).public, frozenset(roles))

    def decide(records: tuple[Record, ...], now: datetime) -> Body:
        others = [
            known
            for known in signers_in_force(records)
            if principal != known.principal and signer.key != known.key
        ]
        return _replace((*others, signer))

    return ledger.append(decide)


def distrust(ledger: Ledger, principal: str) -> Record:
    """Record that no key of `principal` may sign any more. Raises as `trust` does."""

    def decide(records: tuple[Record, ...], now: datetime) -> Body:
        known = signers_in_force(records)
        left = tuple(signer for signer in known if signer.principal != principal)
        if left == known:
            raise InputError(
                f"{principal} is no signer of this ledger", "deploy-kit ledger signers"
            )
        return _replace(left)

    return ledger.append(decide)


def _replace(signers: tuple[Signer, ...]) -> Body:
    if not any("admin" in signer.roles for signer in signers):
        raise Refused("nobody would be left to change signers and policy", "trust another admin")
    return signers_body(signers)
