"""What a record may say after those before it: one walk along the ledger, no I/O.

These rules bind records of schema 2; those of schema 1 were written before there were any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from deploykit.base import times
from deploykit.ledger.in_force import signers_in_force
from deploykit.ledger.kinds import KINDS
from deploykit.ledger.records import Record, parse_signers
from deploykit.ledger.selection import of_first_schema, select
from deploykit.site.keys import Signer

LEASE_MOST = timedelta(minutes=10)  # how far ahead of its record a lease may end
LIFTS = {"unhold": "hold", "unpin": "pin"}
OLD_KINDS = ("deploy", "evidence", "decision")  # of schema 1, which name releases
AUTHORITY = ("approver", "operator", "admin")  # who may lift what others set, the least first


@dataclass(frozen=True, slots=True)
class Restriction:
    """A hold or pin: who set it, and the place of their greatest role in AUTHORITY."""

    actor: str
    authority: int


class Continuity:
    """The ledger up to a record: what the next one is checked against.

    `records` are looked at as far as that one asks; what is added after them is kept at hand.
    """

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self.signers = signers_in_force(records)
        self._before = records
        self._last = records[-1] if records else None
        self._versions: dict[str, str] = {}  # of each release record: version -> digest
        self._digests: set[str] = set()
        # Hold or pin and environment -> who set it with which authority, or that it was lifted.
        self._restrictions: dict[tuple[str, str], Restriction | None] = {}

    def add(self, record: Record) -> None:
        """Go on by `record`, which nothing stands against."""
        body = record.body
        if record.kind == "release":
            self._versions[body["version"]] = body["release"]
        if record.schema == 1 or record.kind == "release":
            self._digests.update(digest for digest in (body.get("release"),) if digest)
        decision = str(body.get("decision"))
        if decision in LIFTS:
            self._restrictions[LIFTS[decision], body["environment"]] = None
        elif decision in LIFTS.values():
            set_by = Restriction(record.actor, _authority(self.signers, record.actor))
            self._restrictions[decision, body["environment"]] = set_by
        if "signers" in body:
            self.signers = parse_signers(body["signers"])
        self._last = record

    def signers_for(self, record: Record) -> tuple[Signer, ...]:
        """Those whose signatures count under `record` as the next one: a genesis names its own."""
        begins = KINDS[record.kind].begins
        return parse_signers(record.body["signers"]) if begins else self.signers

    def problem(self, record: Record) -> str:
        """What stands against `record` as the next one, in words; '' if nothing does."""
        last = self._last
        if last is not None and record.time < last.time:
            return f"its time lies before record {last.n}'s: time runs backwards"
        if KINDS[record.kind].begins != (last is None):
            return "a ledger begins with one genesis record, and has no other"
        if last is not None and record.schema < last.schema:
            return f"it is of schema {record.schema}, record {last.n} of schema {last.schema}"
        if record.schema == 1:
            return ""
        return (
            self._release_problem(record)
            or self._lifting_problem(record)
            or _lease_problem(record)
            or _compromise_problem(record)
        )

    def _release_problem(self, record: Record) -> str:
        body = record.body
        if record.kind == "release":
            version, digest = body["version"], body["release"]
            taken = self._digest_of(version)
            if taken is not None:
                return f"the version {version} is {taken[:19]} already"
            if self._has_version(digest):
                return f"{digest[:19]} has a version already"
            return ""
        for digest in (body.get("release"), body.get("over")):
            if digest is not None and not self._knows(digest):
                return f"no release of the ledger has the digest {digest[:19]}"
        return ""

    def _digest_of(self, version: str) -> str | None:
        if version in self._versions:
            return self._versions[version]
        first = next(select(self._before, "release", topics=(version,)), None)
        return first.body["release"] if first else None

    def _has_version(self, digest: str) -> bool:
        named = select(self._before, "release", release=digest)
        return digest in self._versions.values() or any(named)

    def _knows(self, digest: str) -> bool:
        old = select(of_first_schema(self._before), *OLD_KINDS, release=digest)
        return digest in self._digests or self._has_version(digest) or any(old)

    def _lifting_problem(self, record: Record) -> str:
        """A hold or pin is lifted by who set it, or by somebody with no less to say."""
        what = LIFTS.get(record.body.get("decision", ""))
        if what is None:
            return ""
        name = record.body["environment"]
        held = self._restriction(what, name)
        if held is None or record.actor == held.actor:
            return ""
        if _authority(self.signers, record.actor) >= held.authority:
            return ""
        return (
            f"the {what} of {name} is {held.actor}'s, whose role is {AUTHORITY[held.authority]}: "
            f"{record.actor} cannot lift it"
        )

    def _restriction(self, what: str, environment: str) -> Restriction | None:
        """The hold or pin of `environment`, if there is one."""
        if (what, environment) in self._restrictions:
            return self._restrictions[what, environment]
        words = (what, f"un{what}")
        told = select(
            self._before, "decision", topics=words, environments=(environment,), newest_first=True
        )
        last = next(told, None)
        if last is None or last.body["decision"] != what:
            return None
        signers = signers_in_force(self._before[: last.n])
        return Restriction(last.actor, _authority(signers, last.actor))


def _authority(signers: Sequence[Signer], actor: str) -> int:
    roles = {role for signer in signers if signer.principal == actor for role in signer.roles}
    return max((AUTHORITY.index(role) for role in roles & set(AUTHORITY)), default=0)


def _lease_problem(record: Record) -> str:
    if "lease_until" not in record.body:
        return ""
    if times.parse(record.body["lease_until"]) > record.time + LEASE_MOST:
        return f"its lease ends more than {LEASE_MOST} after it"
    return ""


def _compromise_problem(record: Record) -> str:
    late = [c for c in record.body.get("compromised", ()) if c["since"] > record.n]
    return f"nothing can be compromised from record {late[0]['since']} on yet" if late else ""
