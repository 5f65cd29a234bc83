"""The ledger's records: how they are written down and read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deploykit.base import times
from deploykit.base.errors import DeployKitError
from deploykit.ledger.canonical import canonical, parse_canonical
from deploykit.ledger.kinds import KINDS, Body, problem_of
from deploykit.ledger.schema import SCHEMA, principal
from deploykit.site.keys import Signer

FOLDER = "records"
MOST = 4 << 20  # characters of one record
_FIRST = '"schema":1,'


class LedgerError(DeployKitError):
    """The ledger cannot be read, trusted or written; the message names record and commit."""


@dataclass(frozen=True, slots=True)
class Record:
    """One verified record: number, UTC time, principal of its signer, kind, fields, commit id.

    `body` has the fields of the present schema, whatever `schema` it was written in; of schema 1
    the free text `version` stays beside them.
    """

    n: int
    time: datetime
    actor: str
    kind: str
    body: Mapping[str, Any]
    commit: str
    schema: int = SCHEMA


def render(n: int, time: datetime, actor: str, body: Body) -> str:
    """The canonical text of a record. Raises LedgerError where the body does not fit its kind."""
    problem = problem_of(body.kind, body.fields)
    if problem:
        raise LedgerError(f"record {n} would not be valid: {problem}", "this is a bug: report it")
    head = {"schema": SCHEMA, "n": n, "time": times.iso(time), "actor": actor}
    return canonical({**head, "kind": body.kind, **body.fields})


def parse(text: str, n: int, commit: str) -> Record:
    """The record number `n` of `commit`.

    Raises LedgerError naming both where the text is not canonical, is of an unknown schema or
    kind, or has a field missing, wrong or too many.
    """

    def wrong(problem: str) -> LedgerError:
        return LedgerError(
            f"record {n} of the ledger (commit {commit[:12]}): {problem}",
            "if a newer deploy-kit wrote it, take that one; if not, an admin cuts it off: "
            "deploy-kit ledger mend",
        )

    if len(text) > MOST:
        raise wrong(f"it has {len(text)} characters, more than {MOST}")
    try:
        value = parse_canonical(text)
    except json.JSONDecodeError:
        raise wrong("it is not JSON") from None
    except (ValueError, RecursionError) as error:
        raise wrong(str(error)) from None
    if not isinstance(value, dict):
        raise wrong("it is no object")
    schema = value.get("schema")
    if isinstance(schema, bool) or schema not in (1, SCHEMA):
        raise wrong(f"schema {schema!r} is unknown, this deploy-kit knows 1 to {SCHEMA}")
    if value.get("n") != n or isinstance(value.get("n"), bool):
        raise wrong(f"it calls itself number {value.get('n')!r}")
    actor, kind = value.get("actor"), value.get("kind")
    if not principal(actor) or not isinstance(kind, str):
        raise wrong("actor or kind are missing")
    try:
        time = times.parse(value.get("time"))
    except ValueError:
        raise wrong(f"its time is {value.get('time')!r}") from None
    fields = {
        key: item
        for key, item in value.items()
        if key not in {"schema", "n", "time", "actor", "kind"}
    }
    problem = problem_of(kind, fields, schema)
    if problem:
        raise wrong(problem)
    assert isinstance(actor, str)
    return Record(n, time, actor, kind, _present(kind, fields, schema), commit, schema)


def restore(text: str, n: int, commit: str) -> Record:
    """A record that `parse` has accepted before, from this user's own cache.

    Raises ValueError or KeyError where the text is no record at all.
    """
    fields = json.loads(text)
    if fields.pop("n") != n:
        raise ValueError(f"record {n} is missing")
    schema = fields.pop("schema")
    time, actor, kind = fields.pop("time"), fields.pop("actor"), fields.pop("kind")
    when = datetime.fromisoformat(time.replace("Z", "+00:00")).replace(tzinfo=UTC)
    return Record(n, when, actor, kind, _present(kind, fields, schema), commit, schema)


def path_of(n: int, text: str) -> str:
    """Where the record number `n` with this text lies: since schema 2 in a folder per thousand."""
    # The text is canonical, so that its schema stands in one way only.
    return f"{FOLDER}/{n}.json" if _FIRST in text else f"{FOLDER}/{n // 1000}/{n}.json"


def _present(kind: str, fields: Mapping[str, Any], schema: int) -> Mapping[str, Any]:
    """The fields as the present schema has them, those of `later` that are missing as None."""
    whole = {**dict.fromkeys(KINDS[kind].later), **fields}
    return KINDS[kind].upgrade(whole) if schema == 1 else whole


def writers(body: Body) -> frozenset[str]:
    """The roles of which a signer needs one to write such a body."""
    return KINDS[body.kind].writers(body.fields)


def parse_signers(value: object) -> tuple[Signer, ...]:
    """The signers of a checked `genesis` or `signers` record."""
    assert isinstance(value, list | tuple)
    return tuple(
        Signer(
            entry["principal"],
            entry["key"],
            frozenset(entry["roles"]),
            frozenset(entry.get("addresses", ())),
        )
        for entry in value
    )
