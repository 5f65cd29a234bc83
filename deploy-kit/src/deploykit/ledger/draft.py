"""What one wants to append to a ledger, before it is signed: refused here if it cannot be."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deploykit.base.errors import Refused
from deploykit.ledger.chain import entitled
from deploykit.ledger.continuity import Continuity
from deploykit.ledger.in_force import signers_in_force
from deploykit.ledger.kinds import KINDS, Body
from deploykit.ledger.records import LedgerError, Record, parse, parse_signers, render, writers
from deploykit.site.keys import IN_ORDER, Key, Keyring, Signer


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be signed with `key`: its number and text; `about` are the lines of its commit
    from the author on."""

    n: int
    text: str
    key: Key
    about: str


def make_draft(keys: Keyring, before: Sequence[Record], body: Body, now: datetime) -> Draft:
    """The record after `before` with this `body`, by the one of `keys` that may sign it.

    Raises LedgerError where the ledger would not accept that key's signature, Refused where the
    record cannot follow those before it.
    """
    signers = signers_in_force(before) if before else parse_signers(body.fields["signers"])
    key = keys.entitled(writers(body), signers)
    n, actor = len(before), name_of(key, signers)
    text = render(n, now, actor, body)
    _demand_writable(key, before, parse(text, n, "0" * 40))
    stamp = f"{actor} <{actor}> {int(now.timestamp())} +0000"
    # Signatures repeat: without a word of its own, two writers' equal records would be one.
    message = f"{n}: {KINDS[body.kind].title(body.fields)}\n\n{secrets.token_hex(8)}"
    return Draft(n, text, key, f"author {stamp}\ncommitter {stamp}\n\n{message}\n")


def _demand_writable(key: Key, before: Sequence[Record], record: Record) -> None:
    """Raises LedgerError where the ledger would not accept that key's signature, Refused where
    the record cannot follow those before it."""
    standing = Continuity(before)
    signers = standing.signers_for(record)
    if not any(signer.key == key.public for signer in signers):
        wanted = writers(Body(record.kind, record.body))
        role = next(role for role in IN_ORDER if role in wanted)
        raise LedgerError(
            f"the ledger does not know the key {key.file} ({key.principal})",
            "an admin of the ledger lets it in: deploy-kit ledger trust "
            f"{key.principal} KEYFILE --roles {role}",
        )
    try:
        entitled(record, signers)
    except LedgerError as error:
        what = record.body.get("decision", record.kind)
        raise LedgerError(
            f"{record.actor} has no role that may write '{what}'",
            "who has which role: deploy-kit ledger signers",
        ) from error
    problem = standing.problem(record)
    if problem:
        raise Refused(problem, "deploy-kit history")


def name_of(key: Key, signers: Sequence[Signer]) -> str:
    """By which name `signers` know the key; its own if they do not."""
    return next((one.principal for one in signers if one.key == key.public), key.principal)
