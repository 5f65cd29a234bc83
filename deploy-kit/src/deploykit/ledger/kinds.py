"""The kinds of records, one entry each: fields, who may write it, its title and its words.

A new kind is an entry in KINDS and a function that makes its body; a new decision is an entry in
DECISIONS. Nothing else in the ledger asks of which kind a record is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploykit.base import times
from deploykit.ledger import schema as is_
from deploykit.ledger.schema import Check, Phase, Purpose, Result
from deploykit.site.keys import Signer

Fields = Mapping[str, Any]
Naming = Callable[[str | None], str]  # a digest -> the release's name for people

ADMIN = frozenset({"admin"})
OPERATOR = frozenset({"operator"})
ANYONE_DECIDING = frozenset({"admin", "operator", "approver"})


@dataclass(frozen=True, slots=True)
class Body:
    """What a writer wants to record: a kind and the fields of that kind."""

    kind: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Kind:
    """All that is particular to one kind of record.

    `fields`: every field with what fits it. `writers(fields)`: the roles of which a signer needs
    one. `title(fields)`: the subject of its commit. `words(fields, name)`: what it says in one
    line. `problem(fields)`: what is wrong with fields that fit one by one, '' if nothing is.
    `begins`: a ledger begins with one such record and has no other.
    """

    fields: Mapping[str, Check]
    writers: Callable[[Fields], frozenset[str]]
    title: Callable[[Fields], str]
    words: Callable[[Fields, Naming], str]
    problem: Callable[[Fields], str] = lambda fields: ""
    begins: bool = False


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """Which of environment, release, check and reason a decision must name, and who may take it."""

    needs: frozenset[str]
    writers: frozenset[str] = ANYONE_DECIDING


DECISIONS: dict[str, DecisionRule] = {
    "approve": DecisionRule(frozenset({"environment", "release"}), frozenset({"approver"})),
    "veto": DecisionRule(frozenset({"release"})),
    "hold": DecisionRule(frozenset({"environment"})),
    "unhold": DecisionRule(frozenset({"environment"})),
    "pin": DecisionRule(frozenset({"environment", "release"})),
    "unpin": DecisionRule(frozenset({"environment"})),
    "waive": DecisionRule(frozenset({"environment", "release", "check", "reason"}), ADMIN),
}


def problem_of(kind: str, fields: Fields) -> str:
    """What is wrong with a record's fields, in words; '' if they fit its kind."""
    if kind not in KINDS:
        return f"unknown kind {kind!r}"
    known = KINDS[kind].fields
    for name, check in known.items():
        if name not in fields:
            return f"{kind}: the field '{name}' is missing"
        if not check(fields[name]):
            return f"{kind}: the field '{name}' is {fields[name]!r}"
    extra = sorted(set(fields) - set(known))
    if extra:
        return f"{kind}: unknown field '{extra[0]}'"
    return KINDS[kind].problem(fields)


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
        "lease_until": times.iso(lease_until),
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


def _deploy_words(body: Fields, name: Naming) -> str:
    text = f"{body['purpose']} of {body['version']} to {body['environment']} {body['phase']}"
    if body["phase"] == Phase.STARTED:
        text += f", over {name(body['over'])}"
    return _with_summary(text, body)


def _evidence_words(body: Fields, name: Naming) -> str:
    where = f"a copy of {body['environment']}" if body["copy"] else body["environment"]
    over = f" over {name(body['over'])}" if body["check"] == "upgrade" else ""
    text = f"{body['check']} of {body['version']}{over} in {where} {body['result']}"
    return _with_summary(f"{text} ({body['seconds']:.0f} s)", body)


def _decision_words(body: Fields, name: Naming) -> str:
    text = str(body["decision"])
    text += f" {body['check']} of" if body["check"] else ""
    text += f" {name(body['release'])}" if body["release"] else ""
    text += f" {'for ' if body['release'] else ''}{body['environment'] or 'everywhere'}"
    return f"{text}: {body['reason']}" if body["reason"] else text


def _with_summary(text: str, body: Fields) -> str:
    summary = body["summary"].splitlines()
    return f"{text}: {summary[0]}" if summary and summary[0] else text


def _decision_problem(body: Fields) -> str:
    lacking = [name for name in sorted(DECISIONS[body["decision"]].needs) if not body[name]]
    return f"decision: {body['decision']} needs '{lacking[0]}'" if lacking else ""


KINDS: dict[str, Kind] = {
    "genesis": Kind(
        fields={
            "site": is_.word,
            "signers": is_.signers,
            "policy": is_.mapping(is_.name, is_.rule),
        },
        writers=lambda body: ADMIN,
        title=lambda body: "genesis",
        words=lambda body, name: f"the ledger of {body['site']} begins",
        begins=True,
    ),
    "signers": Kind(
        fields={"signers": is_.signers},
        writers=lambda body: ADMIN,
        title=lambda body: "signers",
        words=lambda body, name: (
            f"signers are now {', '.join(s['principal'] for s in body['signers'])}"
        ),
    ),
    "policy": Kind(
        fields={"policy": is_.mapping(is_.name, is_.rule)},
        writers=lambda body: ADMIN,
        title=lambda body: "policy",
        words=lambda body, name: f"policy is now that of {', '.join(body['policy'])}",
    ),
    "deploy": Kind(
        fields={
            "id": is_.word,
            "phase": is_.one_of(Phase),
            "environment": is_.name,
            "release": is_.digest,
            "version": is_.word,
            "over": is_.or_none(is_.digest),
            "purpose": is_.one_of(Purpose),
            "owner": is_.process,
            "lease_until": is_.time,
            "summary": is_.text,
        },
        writers=lambda body: OPERATOR,
        title=lambda body: f"deploy {body['phase']}: {body['version']} in {body['environment']}",
        words=_deploy_words,
    ),
    "evidence": Kind(
        fields={
            "check": is_.word,
            "release": is_.digest,
            "version": is_.word,
            "over": is_.or_none(is_.digest),
            "environment": is_.name,
            "edge": is_.name,
            "copy": is_.flag,
            "attempt": is_.whole(1),
            "result": is_.one_of(Result),
            "seconds": is_.seconds,
            "summary": is_.text,
            "packages": is_.mapping(is_.word, is_.mapping(is_.word, is_.text)),
        },
        writers=lambda body: OPERATOR,
        title=lambda body: f"{body['check']} {body['result']}: {body['version']}",
        words=_evidence_words,
    ),
    "decision": Kind(
        fields={
            "decision": is_.one_of(DECISIONS),
            "environment": is_.or_none(is_.name),
            "release": is_.or_none(is_.digest),
            "check": is_.or_none(is_.word),
            "reason": is_.text,
        },
        writers=lambda body: DECISIONS[body["decision"]].writers,
        title=lambda body: f"{body['decision']} {body['environment'] or ''}".rstrip(),
        words=_decision_words,
        problem=_decision_problem,
    ),
}
