"""The bodies that writers record, one function for each kind, with texts made fit for print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploykit.base import times
from deploykit.base.printable import one_line, printable
from deploykit.ledger.kinds import Body
from deploykit.ledger.schema import LINE_LENGTH, TEXT_LENGTH, SecretsEvent, Subject
from deploykit.site.going_back import RollbackClass
from deploykit.site.keys import Signer


@dataclass(frozen=True, slots=True)
class Edge:
    """The way into an environment: from the release that it runs, a digest; None for nothing."""

    over: str | None


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The rollback class of an edge, and in how many seconds the older release was back; None if it
    never was."""

    kind: RollbackClass
    seconds: float | None

    def __str__(self) -> str:
        return f"{self.kind}" + ("" if self.seconds is None else f", back in {self.seconds:.0f} s")


MORE = 40  # characters in which `one_line` says how much it left out


def genesis_body(site: str, signers: tuple[Signer, ...], policy: Mapping[str, Any]) -> Body:
    fields = {"site": site, "signers": _signers_json(signers), "policy": dict(policy)}
    return Body("genesis", fields)


def signers_body(signers: tuple[Signer, ...], compromised: Sequence[tuple[str, int]] = ()) -> Body:
    """Who may sign from here on; `compromised`: whose records from a number on count no more."""
    entries = [{"principal": principal, "since": since} for principal, since in compromised]
    return Body("signers", {"signers": _signers_json(signers), "compromised": entries})


def policy_body(policy: Mapping[str, Any]) -> Body:
    return Body("policy", {"policy": dict(policy)})


def release_body(
    digest: str,
    version: str,
    pins: str,
    *,
    base: str | None = None,
    authors: Sequence[str] | None = None,
) -> Body:
    """That the kit `digest` is release `version`; `pins`: the SHA-256 of its pins, in hex.

    `authors` are the addresses of those who wrote what it has and the release `base` (a digest;
    None for nothing) has not; None if that is not known.
    """
    fields: dict[str, Any] = {"release": digest, "version": version, "pins": pins}
    if authors is not None:
        fields |= {"base": base, "authors": [_line(address) for address in authors]}
    return Body("release", fields)


def deploy_body(
    *,
    id: str,
    phase: str,
    environment: str,
    release: str,
    over: str | None,
    purpose: str,
    owner: Mapping[str, Any],
    lease_until: datetime,
    summary: str = "",
    environment_digest: str | None = None,
    left_out: Mapping[str, str] | None = None,
) -> Body:
    """A step of a deploy; `release` and `over` are digests `sha256:…`, and so is that of what the
    environment's files say, which the deploy brings about. `left_out` are the nodes to which it
    does not come, each with the reason; where there are none, nothing is said of it."""
    fields = {
        "id": id,
        "phase": phase,
        "environment": environment,
        "release": release,
        "over": over,
        "purpose": purpose,
        "owner": dict(owner),
        "lease_until": times.iso(lease_until),
        "summary": _lines(summary),
        "environment_digest": environment_digest,
        **({"left_out": dict(left_out)} if left_out else {}),
    }
    return Body("deploy", fields)


def evidence_body(
    *,
    check: str,
    release: str,
    over: str | None,
    environment: str,
    result: str,
    attempt: int,
    seconds: float,
    edge: str | None = None,
    copy: bool = False,
    provider: str | None = None,
    summary: str = "",
    packages: Mapping[str, Mapping[str, str]] | None = None,
    rehearsed: Rehearsed | None = None,
) -> Body:
    """The outcome of a check; `edge` defaults to `environment`: it holds generally. `provider` made
    the copy, if the environment's own did not."""
    installed = {
        role: {_line(name): _line(version) for name, version in versions.items()}
        for role, versions in (packages or {}).items()
    }
    fields: dict[str, Any] = {
        "check": check,
        "release": release,
        "over": over,
        "environment": environment,
        "edge": edge or environment,
        "copy": copy,
        "attempt": attempt,
        "result": result,
        "seconds": round(seconds, 1),
        "summary": _lines(summary),
        "packages": installed,
    }
    if provider is not None:
        fields["provider"] = provider
    if rehearsed is not None:
        took = None if rehearsed.seconds is None else round(rehearsed.seconds, 1)
        fields["rollback"] = {"class": str(rehearsed.kind), "seconds": took}
    return Body("evidence", fields)


def observation_body(
    subject: Subject,
    *,
    environment: str,
    release: str,
    seconds: float,
    summary: str = "",
    nodes: Mapping[str, int] | None = None,
    against: tuple[str, str] | None = None,
) -> Body:
    """What was seen of an environment that runs `release`; `nodes`: how many things on which node,
    none where there is nothing to tell; `against`: the environment that it was compared with, and
    the release of that."""
    seen = {node: count for node, count in (nodes or {}).items() if count}
    fields: dict[str, Any] = {
        "subject": subject.value,
        "environment": environment,
        "release": release,
        "clean": not seen,
        "seconds": round(seconds, 1),
        "summary": _lines(summary),
        "nodes": seen,
    }
    if against is not None:
        fields["against"] = dict(zip(("environment", "release"), against, strict=True))
    return Body("observation", fields)


def decision_body(
    decision: str,
    *,
    environment: str | None = None,
    release: str | None = None,
    check: str | None = None,
    reason: str = "",
    edge: Edge | None = None,
    page: str | None = None,
    until: datetime | None = None,
) -> Body:
    """What somebody decided. `edge`: for which edge alone; `page`: the SHA-256 of the page that
    they read, in hex; `until`: when it is over."""
    fields: dict[str, Any] = {
        "decision": decision,
        "environment": environment,
        "release": release,
        "check": check,
        "reason": _line(reason),
    }
    if edge is not None:
        fields["edge"] = {"over": edge.over}
    if page is not None:
        fields["page"] = page
    if until is not None:
        fields["until"] = times.iso(until)
    return Body("decision", fields)


def gate_body(act: str, *, change: str, commit: str, ask: str, reason: str = "") -> Body:
    """That a change goes to the head of its queue (`expedite`) or out of it (`dequeue`).

    It holds for that commit, as it was asked for by the act `ask`: not for what comes after.
    """
    fields = {"act": act, "change": change, "commit": commit, "ask": ask, "reason": _line(reason)}
    return Body("gate", fields)


def secrets_body(environment: str, event: SecretsEvent, fingerprint: str) -> Body:
    """That the secrets with this `fingerprint` (64 hexadecimal digits) were exported, …"""
    fields = {"environment": environment, "event": event, "fingerprint": fingerprint}
    return Body("secrets", fields)


def mend_body(cut: str, commits: int, reason: str = "") -> Body:
    """That the `commits` commits up to `cut`, which do not verify, are no part of the ledger."""
    fields = {"cut": cut, "commits": commits, "reason": _line(reason)}
    return Body("mend", fields)


def _line(text: str) -> str:
    return one_line(text, LINE_LENGTH - MORE)


def _lines(text: str) -> str:
    """`text` with its line ends; tabs, which are not printable, are spaces."""
    shown = printable(text.expandtabs())
    return shown if len(shown) <= TEXT_LENGTH else f"{shown[: TEXT_LENGTH - 1]}…"


def _signers_json(signers: tuple[Signer, ...]) -> list[dict[str, Any]]:
    return [
        {
            "principal": signer.principal,
            "key": signer.key,
            "roles": sorted(signer.roles),
            **({"addresses": sorted(signer.addresses)} if signer.addresses else {}),
        }
        for signer in signers
    ]
