"""A record with its proof, and the list of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploykit.ledger import view
from deploykit.ledger.commits import RawCommit
from deploykit.ledger.records import Record
from deploykit.site.keys import Signer
from deploykit.web.pages import Reading, RecordLine, reading_of, record_line
from deploykit.web.snapshot import Snapshot

RECORDS = 100  # on a page


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves a record: the commit that adds it and follows `parents`, the text that was
    signed (`payload`), its `signature` (armored, namespace `git`), and whose key that is of.

    `key` is `TYPE BASE64`; `roles` what its owner might sign then.
    """

    commit: str
    parents: tuple[str, ...]
    text: str
    payload: str
    signature: str
    principal: str
    key: str
    fingerprint: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One record: in words, its fields, and its proof. `discounted`: it counts no more, since it
    was signed with a key that was compromised. `before` and `after` are the numbers beside it."""

    reading: Reading
    line: RecordLine
    environment: str | None
    release: str | None
    version: str | None
    fields: dict[str, Any]
    schema_number: int
    discounted: bool
    before: int | None
    after: int | None
    proof: Proof


@dataclass(frozen=True, slots=True)
class RecordsPage:
    """The records from the one `first` before the newest on, the newest first, of `in_all`."""

    reading: Reading
    records: tuple[RecordLine, ...]
    in_all: int
    first: int
    page_size: int


def record_page(snapshot: Snapshot, n: int, commit: RawCommit) -> RecordPage:
    """The page of record number `n`, which `commit` adds."""
    record, versions = snapshot.records[n], snapshot.versions
    release = record.body.get("release")
    return RecordPage(
        reading=reading_of(snapshot),
        line=record_line(record, versions),
        environment=record.body.get("environment"),
        release=release,
        version=versions.get(release) if release else None,
        fields=_plain(record.body),
        schema_number=record.schema,
        discounted=n in snapshot.discounted,
        before=n - 1 if n else None,
        after=n + 1 if n + 1 < len(snapshot.records) else None,
        proof=proof_of(record, commit, view.signers_in_force(snapshot.records[: n or 1])),
    )


def records_page(snapshot: Snapshot, first: int = 0) -> RecordsPage:
    """The list of all records, from the one `first` before the newest on."""
    records, versions = snapshot.records, snapshot.versions
    last = len(records) - first
    shown = records[max(0, last - RECORDS) : max(0, last)][::-1]
    return RecordsPage(
        reading=reading_of(snapshot),
        records=tuple(record_line(record, versions) for record in shown),
        in_all=len(records),
        first=first,
        page_size=RECORDS,
    )


def proof_of(record: Record, commit: RawCommit, signers: tuple[Signer, ...]) -> Proof:
    """The proof of a verified record; `signers` are those in force when it was written."""
    named = [signer for signer in signers if signer.principal == record.actor]
    return Proof(
        commit=commit.id,
        parents=commit.parents,
        text=commit.record,
        payload=commit.payload,
        signature=commit.signature,
        principal=record.actor,
        key="\n".join(signer.key for signer in named),
        fingerprint=", ".join(signer.fingerprint for signer in named),
        roles=tuple(sorted({role for signer in named for role in signer.roles})),
    )


def _plain(value: Any) -> Any:
    """Fields of a record as JSON has them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
