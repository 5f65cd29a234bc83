"""What a record may say after those before it: one walk along the ledger, no I/O.

These rules bind records of schema 2; those of schema 1 were written before there were any.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from deploykit.base import times
from deploykit.ledger.kinds import KINDS
from deploykit.ledger.records import Record, parse_signers
from deploykit.site.keys import Signer

LEASE_MOST = timedelta(minutes=10)  # how far ahead of its record a lease may end
LIFTS = {"unhold": "hold", "unpin": "pin"}
AUTHORITY = ("approver", "operator", "admin")  # who may lift what others set, the least first


class Continuity:
    """The ledger up to a record: what the next one is checked against."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.signers: tuple[Signer, ...] = ()
        self._last: Record | None = None
        self._versions: dict[str, str] = {}  # of each release record: version -> digest
        self._digests: set[str] = set()
        self._restrictions: dict[tuple[str, str], Record] = {}  # hold or pin, environment -> it
        self._authorities: dict[int, int] = {}  # of who wrote those records
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Go on by `record`, which nothing stands against."""
        body = record.body
        if record.kind == "release":
            self._versions[body["version"]] = body["release"]
        if record.schema == 1 or record.kind == "release":
            self._digests.update(digest for digest in (body.get("release"),) if digest)
        decision = str(body.get("decision"))
        if decision in LIFTS:
            self._restrictions.pop((LIFTS[decision], body["environment"]), None)
        elif decision in LIFTS.values():
            self._restrictions[decision, body["environment"]] = record
            self._authorities[record.n] = self._authority(record.actor)
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
            if version in self._versions:
                return f"the version {version} is {self._versions[version][:19]} already"
            if digest in self._versions.values():
                return f"{digest[:19]} has a version already"
            return ""
        for digest in (body.get("release"), body.get("over")):
            if digest is not None and digest not in self._digests:
                return f"no release of the ledger has the digest {digest[:19]}"
        return ""

    def _lifting_problem(self, record: Record) -> str:
        """A hold or pin is lifted by who set it, or by somebody with no less to say."""
        what = LIFTS.get(record.body.get("decision", ""))
        name = record.body.get("environment")
        if what is None or (what, name) not in self._restrictions:
            return ""
        held = self._restrictions[what, str(name)]
        needed = self._authorities[held.n]
        if record.actor == held.actor or self._authority(record.actor) >= needed:
            return ""
        return (
            f"the {what} of {name} is {held.actor}'s, whose role is {AUTHORITY[needed]}: "
            f"{record.actor} cannot lift it"
        )

    def _authority(self, actor: str) -> int:
        roles = {role for s in self.signers if s.principal == actor for role in s.roles}
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
