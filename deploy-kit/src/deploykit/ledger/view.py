"""What the ledger's records mean: pure derivations, so that every state shown has one source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from deploykit.base import times
from deploykit.base.processes import Process, parse_process
from deploykit.ledger.bodies import Edge, Rehearsed
from deploykit.ledger.continuity import LEASE_MOST
from deploykit.ledger.kinds import ROLLBACK
from deploykit.ledger.records import Record, parse_signers
from deploykit.ledger.schema import Phase, Purpose, Result
from deploykit.site.freezes import window_of, windows_json
from deploykit.site.going_back import RollbackClass
from deploykit.site.keys import Signer
from deploykit.site.promotion import Approvals, CheckRule, Promotion, Share, UnknownAuthors

OPEN = frozenset({Phase.STARTED, Phase.RENEWED, Phase.TAKEN_OVER})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One deploy into an environment as far as the ledger tells.

    `phase` is its last one; `since` and `told` are the times of its first and last record, `n` and
    `last` their numbers; `actor` signed the last one. `environment_digest` is of what the
    environment's files said, which it brings about; None in records from before that was told.
    `left_out` are the nodes that it does not come to, each with the reason.
    """

    id: str
    environment: str
    release: str
    version: str
    over: str | None
    purpose: Purpose
    phase: Phase
    owner: Process
    lease_until: datetime
    since: datetime
    told: datetime
    n: int
    last: int
    actor: str
    summary: str
    environment_digest: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether neither `finished` nor `failed` was recorded."""
        return self.phase in OPEN


@dataclass(frozen=True, slots=True)
class Running:
    """What an environment runs: since when, by whose hand, and the record that says so.

    `environment_digest` is of its files as the last deploy of it brought them about, if it told;
    `left_out` are the nodes to which that deploy did not come, each with the reason.
    """

    digest: str
    version: str
    since: datetime
    n: int
    actor: str
    environment_digest: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A recorded outcome of a check; `rollback` is what a rehearsal of going back came to."""

    n: int
    time: datetime
    actor: str
    check: str
    release: str
    version: str
    over: str | None
    environment: str
    edge: str
    copy: bool
    attempt: int
    result: Result
    seconds: float
    summary: str
    packages: Mapping[str, Mapping[str, str]]
    rollback: Rehearsed | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A recorded act of a person."""

    n: int
    time: datetime
    actor: str
    decision: str
    environment: str | None
    release: str | None
    check: str | None
    reason: str
    edge: Edge | None = None  # for which alone it holds; None in records from before that was told
    page: str | None = None  # SHA-256 of the page that they read, if they named one
    until: datetime | None = None  # when it is over; None for never


@dataclass(frozen=True, slots=True)
class Released:
    """A release as the ledger knows it: its digest, version, and who released it in which record.

    `pins` is the SHA-256 of its pins; None for one that only records of schema 1 name: their
    version is nobody's word but the writer's. `authors` are the addresses of those who wrote what
    it has and the release `base` has not; None if nobody recorded that.
    """

    digest: str
    version: str
    pins: str | None
    n: int
    actor: str
    base: str | None = None
    authors: tuple[str, ...] | None = None


def releases(records: Iterable[Record]) -> dict[str, Released]:
    """The releases that the ledger knows, by digest, in the order of their first record."""
    known: dict[str, Released] = {}
    for record in records:
        body = record.body
        if record.kind == "release" or (record.schema == 1 and "version" in body):
            digest, before = body["release"], known.get(body["release"])
            if before is None or before.pins is None:
                authors = body.get("authors")
                known[digest] = Released(
                    digest,
                    body["version"],
                    body.get("pins"),
                    record.n,
                    record.actor,
                    base=body.get("base"),
                    authors=tuple(authors) if authors is not None else None,
                )
    return known


def versions_of(records: Iterable[Record]) -> dict[str, str]:
    """The version of every release that the ledger knows, by digest."""
    return {digest: entry.version for digest, entry in releases(records).items()}


def discounted(records: Iterable[Record]) -> frozenset[int]:
    """The numbers of the records that no longer count: signed with a key that was compromised."""
    numbers: set[int] = set()
    before: list[Record] = []
    for record in records:
        for entry in record.body.get("compromised", ()):
            since, principal = entry["since"], entry["principal"]
            numbers.update(r.n for r in before[since:] if r.actor == principal)
        before.append(record)
    return frozenset(numbers)


def signers_in_force(records: Sequence[Record]) -> tuple[Signer, ...]:
    """Who may sign the next record; nobody when there is none yet."""
    for record in reversed(records):
        if "signers" in record.body:
            return parse_signers(record.body["signers"])
    return ()


def policy_in_force(records: Sequence[Record]) -> dict[str, Promotion]:
    """The promotion policy of each environment that the ledger knows."""
    for record in reversed(records):
        if "policy" in record.body:
            return parse_policy(record.body["policy"])
    return {}


def parse_policy(value: Mapping[str, Any]) -> dict[str, Promotion]:
    """The policy of a checked record."""
    return {
        name: Promotion(
            source=rule["from"],
            checks={
                check: CheckRule(counts["attempts"], counts["passes"])
                for check, counts in rule["checks"].items()
            },
            soak=rule["soak"],
            undisturbed=rule.get("undisturbed", not rule["soak"]),
            approvals=_parse_approvals(rule["approvals"]),
            allow_missing={
                role: Share.parse(share) for role, share in rule.get("allow_missing", {}).items()
            },
            freeze=tuple(window_of(entry) for entry in rule.get("freeze", ())),
        )
        for name, rule in value.items()
    }


def _parse_approvals(value: Mapping[str, Any]) -> Approvals:
    given = {**value, "not": frozenset(value["not"])}
    if "unknown_authors" in given:
        given["unknown_authors"] = UnknownAuthors(given["unknown_authors"])
    return Approvals(excluded=given.pop("not"), **given)


def policy_json(policy: Mapping[str, Promotion]) -> dict[str, Any]:
    """The form of a policy that a record holds."""
    return {
        name: {
            **_optional_json(rule),
            "from": rule.source,
            "checks": {
                check: {"attempts": counts.attempts, "passes": counts.passes}
                for check, counts in rule.checks.items()
            },
            "soak": rule.soak,
            "approvals": _approvals_json(rule.approvals),
        }
        for name, rule in policy.items()
    }


def _optional_json(rule: Promotion) -> dict[str, Any]:
    """What a rule asks for that records of before say nothing of; nothing if it does not."""
    shares = {role: str(share) for role, share in rule.allow_missing.items()}
    return {
        **({"undisturbed": True} if rule.soak and rule.undisturbed else {}),
        **({"allow_missing": shares} if shares else {}),
        **({"freeze": windows_json(rule.freeze)} if rule.freeze else {}),
    }


def _approvals_json(approvals: Approvals) -> dict[str, Any]:
    usual = Approvals()
    found: dict[str, Any] = {"count": approvals.count, "not": sorted(approvals.excluded)}
    for name in ("role", "expire", "unknown_authors"):
        if getattr(approvals, name) != getattr(usual, name):
            found[name] = getattr(approvals, name)
    return found


def attempts(records: Sequence[Record], environment: str) -> tuple[Attempt, ...]:
    """Every deploy into `environment`, oldest first.

    The words of a process whose deploy was taken over, or followed by another, do not count. A
    lease lasts no longer than it may, and ends where an admin ended it.
    """
    # Each one's first record, its last one that counts, and the record that ended its lease.
    found: list[tuple[Record, Record, Record | None]] = []
    for record in records:
        body = record.body
        if body.get("environment") != environment:
            continue
        open_ = bool(found) and Phase(found[-1][1].body["phase"]) in OPEN
        if record.kind == "decision" and body["decision"] == "end-lease" and open_:
            found[-1] = (*found[-1][:2], record)
        if record.kind != "deploy":
            continue
        same = open_ and found[-1][1].body["id"] == body["id"]
        phase = body["phase"]
        if phase == Phase.STARTED or (phase == Phase.TAKEN_OVER and not same):
            found.append((record, record, None))
        elif same and (phase == Phase.TAKEN_OVER or body["owner"] == found[-1][1].body["owner"]):
            found[-1] = (found[-1][0], record, None)
    versions = versions_of(records) if found else {}
    return tuple(_attempt(*entry, versions) for entry in found)


def running(records: Sequence[Record], environment: str) -> Running | None:
    """What `environment` runs: the release of the last deploy that finished there.

    `since` is when it first finished in an unbroken row of deploys of that release.
    """
    current: Running | None = None
    unbroken = False
    for attempt in attempts(records, environment):
        if attempt.phase != Phase.FINISHED:
            unbroken = False
            continue
        if current is None or current.digest != attempt.release or not unbroken:
            current = Running(
                attempt.release, attempt.version, attempt.told, attempt.last, attempt.actor
            )
        unbroken = True
        current = replace(
            current,
            environment_digest=attempt.environment_digest,
            left_out=attempt.left_out,
        )
    return current


def last_deployed(records: Sequence[Record], environment: str) -> datetime | None:
    """When the last deployment that came to its end did, of whatever release; None without one."""
    ended = [one.told for one in attempts(records, environment) if one.phase == Phase.FINISHED]
    return ended[-1] if ended else None


def in_flight(
    records: Sequence[Record], environment: str, now: datetime | None = None
) -> Attempt | None:
    """The deploy into `environment` that neither finished nor failed.

    With `now`, only one whose lease is not over at that moment.
    """
    found = attempts(records, environment)
    if not found or not found[-1].open:
        return None
    return found[-1] if now is None or found[-1].lease_until > now else None


def previous(records: Sequence[Record], environment: str) -> Running | None:
    """What a rollback of `environment` goes back to; rolling back again goes further back."""
    stack: list[Running] = []
    for attempt in attempts(records, environment):
        if attempt.phase != Phase.FINISHED:
            continue
        digests = [entry.digest for entry in stack]
        if attempt.purpose == Purpose.ROLLBACK and attempt.release in digests:
            del stack[digests.index(attempt.release) + 1 :]
        elif not stack or stack[-1].digest != attempt.release:
            stack.append(
                Running(attempt.release, attempt.version, attempt.told, attempt.last, attempt.actor)
            )
    return stack[-2] if len(stack) > 1 else None


def evidence(
    records: Sequence[Record],
    *,
    release: str | None = None,
    environment: str | None = None,
    check: str | None = None,
) -> tuple[Evidence, ...]:
    """The evidence that fits every argument given, oldest first; without what was signed with a
    compromised key."""
    versions, ignored = versions_of(records), discounted(records)
    return tuple(
        Evidence(
            record.n,
            record.time,
            record.actor,
            **{
                **record.body,
                "result": Result(record.body["result"]),
                "rollback": _rehearsed(record.body["rollback"]),
                "version": versions[record.body["release"]],
            },
        )
        for record in records
        if record.kind == "evidence"
        and record.n not in ignored
        and release in (None, record.body["release"])
        and environment in (None, record.body["environment"])
        and check in (None, record.body["check"])
    )


def last_rehearsal(
    records: Sequence[Record], over: str | None, release: str, environment: str | None = None
) -> Evidence | None:
    """The last time that going back from `release` to `over` (digests) was rehearsed, in a copy of
    `environment` or of any; None if it never was."""
    found = [
        entry
        for entry in evidence(records, release=release, environment=environment, check=ROLLBACK)
        if entry.copy and entry.over == over and entry.rollback is not None
    ]
    return found[-1] if found else None


def disturbances(
    records: Iterable[Record], environment: str, release: str
) -> Iterator[tuple[datetime, str]]:
    """When `environment` did not run well with `release`, oldest first, and what it was: a check
    that failed there, drift, firing alerts."""
    for record in records:
        body = record.body
        if (body.get("environment"), body.get("release")) != (environment, release):
            continue
        if record.kind == "observation" and not body["clean"]:
            yield record.time, str(body["subject"])
        if record.kind == "evidence" and body["result"] == Result.FAILED and not body["copy"]:
            yield record.time, f"{body['check']} failed"


def decisions(records: Sequence[Record]) -> tuple[Decision, ...]:
    """Every decision, oldest first; without what was signed with a compromised key."""
    ignored = discounted(records)
    return tuple(
        _decision(record)
        for record in records
        if record.kind == "decision" and record.n not in ignored
    )


def _rehearsed(value: Mapping[str, Any] | None) -> Rehearsed | None:
    return Rehearsed(RollbackClass(value["class"]), value["seconds"]) if value else None


def _decision(record: Record) -> Decision:
    given = dict(record.body)
    edge, until = given.get("edge"), given.get("until")
    given["edge"] = Edge(edge["over"]) if edge else None
    given["until"] = times.parse(until) if until else None
    return Decision(record.n, record.time, record.actor, **given)


def _attempt(
    first: Record, last: Record, ended: Record | None, versions: Mapping[str, str]
) -> Attempt:
    """The attempt that began with `first`; its last word is `last`."""
    body = last.body
    until = min(times.parse(body["lease_until"]), last.time + LEASE_MOST)
    return Attempt(
        id=body["id"],
        environment=body["environment"],
        release=body["release"],
        version=versions[body["release"]],
        over=body["over"],
        purpose=Purpose(body["purpose"]),
        phase=Phase(body["phase"]),
        owner=parse_process(body["owner"]),
        lease_until=ended.time if ended else until,
        since=first.time,
        told=last.time,
        n=first.n,
        last=last.n,
        actor=last.actor,
        summary=body["summary"],
        environment_digest=body["environment_digest"],
        left_out=body["left_out"] or {},
    )
