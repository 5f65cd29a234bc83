"""What the ledger's records say: how they are written down, read back and made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deploykit.base.errors import DeployKitError
from deploykit.ledger.canonical import canonical, parse_canonical
from deploykit.ledger.schema import SCHEMA, fault, is_principal, moment
from deploykit.ledger.schema import TIME as TIME
from deploykit.site.keys import Signer

# Who may write what; `decision` differs by decision.
WRITERS: dict[str, frozenset[str]] = {
    "genesis": frozenset({"admin"}),
    "signers": frozenset({"admin"}),
    "policy": frozenset({"admin"}),
    "deploy": frozenset({"operator"}),
    "evidence": frozenset({"operator"}),
}
DECIDERS: dict[str, frozenset[str]] = {
    "approve": frozenset({"approver"}),
    "waive": frozenset({"admin"}),
}
ANYONE_DECIDING = frozenset({"admin", "operator", "approver"})


class LedgerError(DeployKitError):
    """The ledger cannot be read, trusted or written; the message names record and commit."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a writer wants to record: a kind and the fields of that kind."""

    kind: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """One verified record: number, UTC time, principal of its signer, kind, fields, commit id."""

    n: int
    time: datetime
    actor: str
    kind: str
    body: Mapping[str, Any]
    commit: str


def render(n: int, time: datetime, actor: str, body: Body) -> str:
    """The canonical text of a record. Raises LedgerError where the body does not fit its kind."""
    problem = fault(body.kind, body.fields)
    if problem:
        raise LedgerError(f"record {n} would not be valid: {problem}", "this is a bug: report it")
    head = {"schema": SCHEMA, "n": n, "time": time.strftime(TIME), "actor": actor}
    return canonical({**head, "kind": body.kind, **body.fields})


def parse(text: str, n: int, commit: str) -> Record:
    """The record number `n` of `commit`.

    Raises LedgerError naming both where the text is not canonical, is of an unknown schema or
    kind, or has a field missing, wrong or too many.
    """

    def wrong(problem: str) -> LedgerError:
        return LedgerError(
            f"record {n} of the ledger (commit {commit[:12]}): {problem}",
            "somebody wrote it with other means, or with a newer deploy-kit",
        )

    try:
        value = parse_canonical(text)
    except (ValueError, RecursionError) as error:
        raise wrong(str(error)) from None
    if not isinstance(value, dict):
        raise wrong("it is no object")
    if value.get("schema") != SCHEMA:
        raise wrong(f"schema {value.get('schema')!r} is unknown, this deploy-kit knows {SCHEMA}")
    if value.get("n") != n or isinstance(value.get("n"), bool):
        raise wrong(f"it calls itself number {value.get('n')!r}")
    actor, kind = value.get("actor"), value.get("kind")
    if not is_principal(actor) or not isinstance(kind, str):
        raise wrong("actor or kind are missing")
    time = moment(value.get("time"))
    if time is None:
        raise wrong(f"its time is {value.get('time')!r}")
    fields = {
        key: item
        for key, item in value.items()
        if key not in {"schema", "n", "time", "actor", "kind"}
    }
    problem = fault(kind, fields)
    if problem:
        raise wrong(problem)
    assert isinstance(actor, str)
    return Record(n, time, actor, kind, fields, commit)


def restore(text: str, n: int, commit: str) -> Record:
    """A record that `parse` has accepted before, from this user's own cache.

    Raises ValueError or KeyError where the text is no record at all.
    """
    fields = json.loads(text)
    if fields.pop("n") != n:
        raise ValueError(f"record {n} is missing")
    del fields["schema"]
    time, actor, kind = fields.pop("time"), fields.pop("actor"), fields.pop("kind")
    when = datetime.fromisoformat(time.replace("Z", "+00:00")).replace(tzinfo=UTC)
    return Record(n, when, actor, kind, fields, commit)


def writers(body: Body) -> frozenset[str]:
    """The roles of which a signer needs one to write such a body."""
    if body.kind == "decision":
        return DECIDERS.get(body.fields["decision"], ANYONE_DECIDING)
    return WRITERS[body.kind]


def parse_signers(value: object) -> tuple[Signer, ...]:
    """The signers of a checked `genesis` or `signers` record."""
    assert isinstance(value, list | tuple)
    return tuple(
        Signer(entry["principal"], entry["key"], frozenset(entry["roles"])) for entry in value
    )


def signers_body(signers: tuple[Signer, ...]) -> Body:
    return Body("signers", {"signers": _signers_json(signers)})


def policy_body(policy: Mapping[str, Any]) -> Body:
    return Body("policy", {"policy": dict(policy)})


def genesis_body(site: str, signers: tuple[Signer, ...], policy: Mapping[str, Any]) -> Body:
    fields = {"site": site, "signers": _signers_json(signers), "policy": dict(policy)}
    return Body("genesis", fields)


def deploy_body(
    *,
    id: str,
    phase: str,
    environment: str,
    release: str,
    version: str,
    over: str | None,
    purpose: str,
    owner: Mapping[str, Any],
    lease_until: datetime,
    summary: str = "",
) -> Body:
    """A step of a deploy; `release` and `over` are digests `sha256:…`."""
    fields = {
        "id": id,
        "phase": phase,
        "environment": environment,
        "release": release,
        "version": version,
        "over": over,
        "purpose": purpose,
        "owner": dict(owner),
        "lease_until": lease_until.astimezone(UTC).strftime(TIME),
        "summary": summary,
    }
    return Body("deploy", fields)


def evidence_body(
    *,
    check: str,
    release: str,
    version: str,
    over: str | None,
    environment: str,
    result: str,
    attempt: int,
    seconds: float,
    edge: str | None = None,
    copy: bool = False,
    summary: str = "",
    packages: Mapping[str, Mapping[str, str]] | None = None,
) -> Body:
    """The outcome of a check; `edge` defaults to `environment`: it holds generally."""
    fields = {
        "check": check,
        "release": release,
        "version": version,
        "over": over,
        "environment": environment,
        "edge": edge or environment,
        "copy": copy,
        "attempt": attempt,
        "result": result,
        "seconds": round(seconds, 1),
        "summary": summary,
        "packages": {role: dict(found) for role, found in (packages or {}).items()},
    }
    return Body("evidence", fields)


def decision_body(
    decision: str,
    *,
    environment: str | None = None,
    release: str | None = None,
    check: str | None = None,
    reason: str = "",
) -> Body:
    fields = {
        "decision": decision,
        "environment": environment,
        "release": release,
        "check": check,
        "reason": reason,
    }
    return Body("decision", fields)


def _signers_json(signers: tuple[Signer, ...]) -> list[dict[str, Any]]:
    return [
        {"principal": signer.principal, "key": signer.key, "roles": sorted(signer.roles)}
        for signer in signers
    ]


def parse_time(value: str) -> datetime:
    """A checked record's time field as an aware moment."""
    found = moment(value)
    assert found is not None
    return found
