"""The kinds of records, one entry each: fields, who may write it, its title and its words.

A new kind is an entry in KINDS and a function that makes its body (`bodies`); a new decision is an
entry in DECISIONS. What a record may say after those before it is in `continuity`; nothing else in
the ledger asks of which kind a record is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploykit.ledger import schema as is_
from deploykit.ledger.schema import SCHEMA, Check, Phase, Purpose, Result, SecretsEvent, Subject

Fields = Mapping[str, Any]
Naming = Callable[[str | None], str]  # a digest -> the release's name for people

ADMIN = frozenset({"admin"})
OPERATOR = frozenset({"operator"})
RELEASE_MANAGER = frozenset({"release-manager"})
ANYONE_DECIDING = frozenset({"admin", "operator", "approver"})


# Checks of the way from one release to another: what they found says nothing of other ways.
UPGRADE, ROLLBACK = "upgrade", "rollback"
OF_AN_EDGE = frozenset({UPGRADE, ROLLBACK})


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
    `later`: those of the fields that records of before may lack; they are None there. `first`: the
    fields that schema 1 had, None for a kind that it did not have; `upgrade` makes those of the
    present schema of them. `begins`: a ledger begins with one such record and has no
    other. `topic(fields)`: what tells its records apart where some of them are looked for.
    """

    fields: Mapping[str, Check]
    writers: Callable[[Fields], frozenset[str]]
    title: Callable[[Fields], str]
    words: Callable[[Fields, Naming], str]
    problem: Callable[[Fields], str] = lambda fields: ""
    later: frozenset[str] = frozenset()
    first: Mapping[str, Check] | None = None
    upgrade: Callable[[Fields], Fields] = lambda fields: fields
    begins: bool = False
    topic: Callable[[Fields], str] = lambda fields: ""


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """Which of environment, release, check and reason a decision must name, and who may take it.

    `schema`: the first that has it.
    """

    needs: frozenset[str]
    writers: frozenset[str] = ANYONE_DECIDING
    schema: int = 1


# What people decide of a change in review: these are about no release and no environment.
GATE_ACTS = {"expedite": "to the head of its queue", "dequeue": "out of its queue"}

COMPROMISED = "compromised"  # the topic of a change of signers after which something counts no more

DECISIONS: dict[str, DecisionRule] = {
    "approve": DecisionRule(frozenset({"environment", "release"}), frozenset({"approver"})),
    "veto": DecisionRule(frozenset({"release"})),
    "overrule": DecisionRule(frozenset({"release", "reason"}), ADMIN, schema=2),
    "hold": DecisionRule(frozenset({"environment"})),
    "unhold": DecisionRule(frozenset({"environment"})),
    "pin": DecisionRule(frozenset({"environment", "release"})),
    "unpin": DecisionRule(frozenset({"environment"})),
    "waive": DecisionRule(frozenset({"environment", "release", "check", "reason"}), ADMIN),
    "unwaive": DecisionRule(frozenset({"environment", "release", "check"}), ADMIN, schema=2),
    "end-lease": DecisionRule(frozenset({"environment", "reason"}), ADMIN, schema=2),
}


def problem_of(kind: str, fields: Fields, schema: int = SCHEMA) -> str:
    """What is wrong with a record's fields, in words; '' if they fit its kind in that schema."""
    known = KINDS[kind].fields if kind in KINDS else None
    if schema == 1 and known is not None:
        known = KINDS[kind].first
    if known is None:
        return f"unknown kind {kind!r}"
    for name, check in known.items():
        if name not in fields and name in KINDS[kind].later:
            continue
        if name not in fields:
            return f"{kind}: the field '{name}' is missing"
        if not check(fields[name]):
            return f"{kind}: the field '{name}' is {str(fields[name])[:200]!r}"
    extra = sorted(set(fields) - set(known))
    if extra:
        return f"{kind}: unknown field '{extra[0]}'"
    return KINDS[kind].problem(fields)


def upgrade_rule(rule: Fields) -> Fields:
    """A promotion policy of schema 1 as the present one has it."""
    return {**rule, "approvals": {"count": rule["approvals"], "not": []}}


def _upgrade_policy(fields: Fields) -> Fields:
    return {**fields, "policy": {name: upgrade_rule(r) for name, r in fields["policy"].items()}}


def _upgrade_owner(fields: Fields) -> Fields:
    return {**fields, "owner": {**fields["owner"], "space": ""}}


def _deploy_words(body: Fields, name: Naming) -> str:
    text = f"{body['purpose']} of {name(body['release'])} to {body['environment']} {body['phase']}"
    if body["phase"] == Phase.STARTED:
        text += f", over {name(body['over'])}"
    if body["left_out"] and body["phase"] != Phase.RENEWED:
        text += f", {without(body['left_out'])}"
    return _with_summary(text, body)


def without(left_out: Mapping[str, str]) -> str:
    """Which nodes a deploy left out and why, in words."""
    return f"without {', '.join(f'{node} ({why})' for node, why in left_out.items())}"


def _evidence_words(body: Fields, name: Naming) -> str:
    where = f"a copy of {body['environment']}" if body["copy"] else body["environment"]
    where += f" by {body['provider']}" if body["provider"] else ""
    over = f" over {name(body['over'])}" if body["check"] in OF_AN_EDGE else ""
    text = f"{body['check']} of {name(body['release'])}{over} in {where} {body['result']}"
    return _with_summary(f"{text} ({body['seconds']:.0f} s)", body)


def _observation_title(body: Fields) -> str:
    if other := body.get("against"):
        differ = "alike" if body["clean"] else "not alike"
        return f"{body['environment']} and {other['environment']}: {differ}"
    return f"{body['subject']} in {body['environment']}: {'none' if body['clean'] else 'seen'}"


def _observation_words(body: Fields, name: Naming) -> str:
    text = f"{body['subject']} in {body['environment']} with {name(body['release'])}"
    if other := body["against"]:
        text += f" and {other['environment']} with {name(other['release'])}"
        text += ": nothing differs" if body["clean"] else ": they differ"
    else:
        text += ": none" if body["clean"] else ": seen"
    if body["nodes"]:
        text += f", on {', '.join(f'{node} ({count})' for node, count in body['nodes'].items())}"
    return _with_summary(text, body)


def _decision_words(body: Fields, name: Naming) -> str:
    text = str(body["decision"])
    text += f" {body['check']} of" if body["check"] else ""
    text += f" {name(body['release'])}" if body["release"] else ""
    text += f" {'for ' if body['release'] else ''}{body['environment'] or 'everywhere'}"
    text += f" until {body['until']}" if body["until"] else ""
    return f"{text}: {body['reason']}" if body["reason"] else text


def _gate_words(body: Fields, name: Naming) -> str:
    text = f"change {body['change']} ({body['commit'][:12]}) goes {GATE_ACTS[body['act']]}"
    return f"{text}: {body['reason']}" if body["reason"] else text


def _signers_words(body: Fields, name: Naming) -> str:
    text = f"signers are now {', '.join(signer['principal'] for signer in body['signers'])}"
    for entry in body["compromised"]:
        text += f"; of {entry['principal']} nothing counts from record {entry['since']} on"
    return text


def _mend_words(body: Fields, name: Naming) -> str:
    commits = "1 commit" if body["commits"] == 1 else f"{body['commits']} commits"
    text = f"mended: {commits} up to {body['cut'][:12]} cut off"
    return f"{text}: {body['reason']}" if body["reason"] else text


def _with_summary(text: str, body: Fields) -> str:
    summary = body["summary"].splitlines()
    return f"{text}: {summary[0]}" if summary and summary[0] else text


def _decision_problem(body: Fields) -> str:
    lacking = [name for name in sorted(DECISIONS[body["decision"]].needs) if not body[name]]
    return f"decision: {body['decision']} needs '{lacking[0]}'" if lacking else ""


_DEPLOY: dict[str, Check] = {
    "id": is_.word,
    "phase": is_.one_of(Phase),
    "environment": is_.name,
    "release": is_.digest,
    "over": is_.or_none(is_.digest),
    "purpose": is_.one_of(Purpose),
    "owner": is_.process,
    "lease_until": is_.time,
    "summary": is_.text,
    "environment_digest": is_.or_none(is_.digest),
    "left_out": is_.or_none(is_.mapping(is_.name, is_.word)),
}
_DEPLOY_LATER = frozenset({"environment_digest", "left_out"})
_EVIDENCE: dict[str, Check] = {
    "check": is_.word,
    "release": is_.digest,
    "over": is_.or_none(is_.digest),
    "environment": is_.name,
    "edge": is_.name,
    "copy": is_.flag,
    "attempt": is_.whole(1),
    "result": is_.one_of(Result),
    "seconds": is_.seconds,
    "summary": is_.text,
    "packages": is_.mapping(is_.word, is_.mapping(is_.word, is_.line)),
    "rollback": is_.or_none(is_.rehearsed),
    "provider": is_.or_none(is_.name),
}
_EVIDENCE_LATER = frozenset({"rollback", "provider"})
_DECISION: dict[str, Check] = {
    "decision": is_.one_of(DECISIONS),
    "environment": is_.or_none(is_.name),
    "release": is_.or_none(is_.digest),
    "check": is_.or_none(is_.word),
    "reason": is_.line,
    "edge": is_.or_none(is_.edge),
    "page": is_.or_none(is_.hex64),
    "until": is_.or_none(is_.time),
}
_DECISION_LATER = frozenset({"edge", "page", "until"})
# What schema 1 had beside or instead.
_POLICY_1 = is_.mapping(is_.name, is_.rule_1)
_PACKAGES_1 = is_.mapping(is_.any_word, is_.mapping(is_.any_word, is_.any_text))
_DECISIONS_1 = {name: rule for name, rule in DECISIONS.items() if rule.schema == 1}

KINDS: dict[str, Kind] = {
    "genesis": Kind(
        fields={
            "site": is_.word,
            "signers": is_.signers,
            "policy": is_.mapping(is_.name, is_.rule),
        },
        first={"site": is_.any_word, "signers": is_.signers, "policy": _POLICY_1},
        upgrade=_upgrade_policy,
        writers=lambda body: ADMIN,
        title=lambda body: "genesis",
        words=lambda body, name: f"the ledger of {body['site']} begins",
        begins=True,
    ),
    "signers": Kind(
        fields={"signers": is_.signers, "compromised": is_.compromised},
        first={"signers": is_.signers},
        upgrade=lambda fields: {**fields, "compromised": []},
        writers=lambda body: ADMIN,
        title=lambda body: "signers",
        words=_signers_words,
        topic=lambda body: COMPROMISED if body["compromised"] else "",
    ),
    "policy": Kind(
        fields={"policy": is_.mapping(is_.name, is_.rule)},
        first={"policy": _POLICY_1},
        upgrade=_upgrade_policy,
        writers=lambda body: ADMIN,
        title=lambda body: "policy",
        words=lambda body, name: f"policy is now that of {', '.join(body['policy'])}",
    ),
    "release": Kind(
        fields={
            "release": is_.digest,
            "version": is_.version,
            "pins": is_.hex64,
            "base": is_.or_none(is_.digest),
            "authors": is_.or_none(is_.addresses),
        },
        later=frozenset({"base", "authors"}),
        writers=lambda body: RELEASE_MANAGER,
        title=lambda body: f"release {body['version']}",
        words=lambda body, name: (
            f"release {body['version']} is {body['release'].removeprefix('sha256:')[:12]}"
        ),
        topic=lambda body: str(body["version"]),
    ),
    "deploy": Kind(
        fields=_DEPLOY,
        later=_DEPLOY_LATER,
        first={
            **{name: check for name, check in _DEPLOY.items() if name not in _DEPLOY_LATER},
            "id": is_.any_word,
            "version": is_.any_word,
            "owner": is_.process_1,
            "summary": is_.any_text,
        },
        upgrade=_upgrade_owner,
        writers=lambda body: OPERATOR,
        title=lambda body: f"deploy {body['phase']} in {body['environment']}",
        words=_deploy_words,
        topic=lambda body: str(body["phase"]),
    ),
    "evidence": Kind(
        fields=_EVIDENCE,
        later=_EVIDENCE_LATER,
        first={
            **{name: check for name, check in _EVIDENCE.items() if name not in _EVIDENCE_LATER},
            "check": is_.any_word,
            "version": is_.any_word,
            "summary": is_.any_text,
            "packages": _PACKAGES_1,
        },
        writers=lambda body: OPERATOR,
        title=lambda body: f"{body['check']} {body['result']} in {body['environment']}",
        words=_evidence_words,
        topic=lambda body: str(body["check"]),
    ),
    "observation": Kind(
        fields={
            "subject": is_.one_of(Subject),
            "environment": is_.name,
            "release": is_.digest,
            "clean": is_.flag,
            "seconds": is_.seconds,
            "summary": is_.text,
            "nodes": is_.mapping(is_.name, is_.whole(1)),
            "against": is_.or_none(is_.other_environment),
        },
        later=frozenset({"against"}),
        writers=lambda body: OPERATOR,
        title=_observation_title,
        words=_observation_words,
    ),
    "decision": Kind(
        fields=_DECISION,
        later=_DECISION_LATER,
        first={
            **{name: check for name, check in _DECISION.items() if name not in _DECISION_LATER},
            "decision": is_.one_of(_DECISIONS_1),
            "check": is_.or_none(is_.any_word),
            "reason": is_.any_text,
        },
        writers=lambda body: DECISIONS[body["decision"]].writers,
        title=lambda body: f"{body['decision']} {body['environment'] or ''}".rstrip(),
        words=_decision_words,
        problem=_decision_problem,
        topic=lambda body: str(body["decision"]),
    ),
    "gate": Kind(
        fields={
            "act": is_.one_of(GATE_ACTS),
            "change": is_.word,
            "commit": is_.commit,
            "ask": is_.word,
            "reason": is_.line,
        },
        writers=lambda body: ANYONE_DECIDING,
        title=lambda body: f"{body['act']} change {body['change']}",
        words=_gate_words,
    ),
    "secrets": Kind(
        fields={
            "environment": is_.name,
            "event": is_.one_of(SecretsEvent),
            "fingerprint": is_.hex64,
        },
        writers=lambda body: OPERATOR,
        title=lambda body: f"secrets {body['event']}: {body['environment']}",
        words=lambda body, name: f"secrets of {body['environment']} {body['event']}",
    ),
    "mend": Kind(
        fields={"cut": is_.commit, "commits": is_.whole(1), "reason": is_.line},
        writers=lambda body: ADMIN,
        title=lambda body: "mend",
        words=_mend_words,
    ),
}
