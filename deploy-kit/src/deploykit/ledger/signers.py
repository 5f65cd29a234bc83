"""Changing who may sign: a `signers` record that replaces the list before it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from deploykit.base.errors import InputError, Refused
from deploykit.base.yamlfile import nearest
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import signers_body
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import Record
from deploykit.ledger.view import signers_in_force
from deploykit.site.keys import (
    CUSTODIAN,
    IN_ORDER,
    OPERATOR,
    PRINCIPAL,
    ROLES,
    Keyring,
    Signer,
    person,
    read_key,
)

ADDRESS = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,190}")


def trust(
    ledger: Ledger,
    principal: str,
    keyfile: Path,
    roles: Sequence[str],
    addresses: Sequence[str] = (),
) -> Record:
    """Record that the public key in `keyfile` is `principal`'s and may sign for `roles`.

    `addresses` are those of their commits as an author; where none is given, those that they had
    stay. Raises InputError for a name, key, role or address that cannot be, Refused where no admin
    would be left, or the key or an address is another's.
    """
    if not PRINCIPAL.fullmatch(principal):
        raise InputError(
            f"'{principal}' cannot be a signer's name", "use letters, digits and . _ + @ -"
        )
    for role in roles:
        if role not in ROLES:
            raise InputError(f"there is no role '{role}'", nearest(role, ROLES))
    for address in addresses:
        if not ADDRESS.fullmatch(address):
            raise InputError(f"'{address}' is no mail address", "write it as commits have it")
    public = read_key(keyfile).public

    def decide(records: Sequence[Record], now: datetime) -> Body:
        others = [known for known in signers_in_force(records) if principal != known.principal]
        before = [known for known in signers_in_force(records) if principal == known.principal]
        had = frozenset(address for known in before for address in known.addresses)
        signer = Signer(principal, public, frozenset(roles), frozenset(addresses) or had)
        for known in others:
            shared = _folded(known.addresses) & _folded(signer.addresses)
            if shared and person(known.principal) != person(principal):
                raise Refused(f"{min(shared)} is the address of {known.principal}")
        same = [known.principal for known in others if known.key == signer.key]
        if same:
            raise Refused(
                f"{keyfile} is the key of {same[0]}: a key is one person's",
                f"deploy-kit ledger distrust {same[0]} first, if {principal} is to have it",
            )
        return _replace((*others, signer))

    return ledger.append(decide)


def distrust(ledger: Ledger, principal: str, since: int | None = None) -> Record:
    """Record that no key of `principal` may sign any more; returns the record.

    With `since` nothing that they signed from that record on counts: approvals, waivers, evidence,
    releases. Raises as `trust` does.
    """

    def decide(records: Sequence[Record], now: datetime) -> Body:
        known = signers_in_force(records)
        left = tuple(signer for signer in known if signer.principal != principal)
        if left == known:
            raise InputError(
                f"{principal} is no signer of this ledger", "deploy-kit ledger signers"
            )
        if since is not None and since > len(records):
            raise InputError(f"there is no record {since} yet", "deploy-kit history")
        return _replace(left, [(principal, since)] if since is not None else [])

    return ledger.append(decide)


def separate(ledger: Ledger, keyring: Keyring) -> Record:
    """Record that each role of this site's one key has a key of its own from now on.

    The key of before stays an operator's, under its name; what it signed stays valid. A custodian
    comes where there was none. Raises Refused where that key has no more than one role.
    """
    old = keyring.of_role(OPERATOR)

    def decide(records: Sequence[Record], now: datetime) -> Body:
        known = signers_in_force(records)
        held = [signer for signer in known if signer.key == old.public]
        others = tuple(signer for signer in known if signer.key != old.public)
        roles = set(held[0].roles) - {OPERATOR} if held else set()
        if not roles:
            raise Refused(f"{old.file} signs for one role only", "deploy-kit ledger signers")
        own = {role: keyring.of_role(role) for role in IN_ORDER if role in roles | {CUSTODIAN}}
        mine = {key.public for key in own.values()}
        kept = replace(held[0], roles=frozenset({OPERATOR}))
        new = (Signer(key.principal, key.public, frozenset({r})) for r, key in own.items())
        return _replace((*(one for one in others if one.key not in mine), kept, *new))

    return ledger.append(decide)


def signs_everything(signers: Sequence[Signer], keyring: Keyring) -> bool:
    """Whether this site's key of an operator is an admin's, too: who has the one has all."""
    public = {key.public for role, key in keyring.here().items() if role == OPERATOR}
    return any("admin" in one.roles for one in signers if one.key in public)


def first_at(records: Sequence[Record], time: datetime) -> int:
    """The number of the first record that is not older than `time`."""
    return bisect_left(records, time, key=lambda record: record.time)


def _folded(addresses: Iterable[str]) -> set[str]:
    """Mail addresses as they are compared: without regard to case."""
    return {address.casefold() for address in addresses}


def _replace(signers: tuple[Signer, ...], compromised: Sequence[tuple[str, int]] = ()) -> Body:
    if not any("admin" in signer.roles for signer in signers):
        raise Refused("nobody would be left to change signers and policy", "trust another admin")
    return signers_body(signers, compromised)
