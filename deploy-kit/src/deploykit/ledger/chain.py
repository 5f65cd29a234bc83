"""Whether commits properly continue the ledger: form, order, time, signature, role, continuity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deploykit.base import times
from deploykit.ledger.commits import Batch, RawCommit
from deploykit.ledger.continuity import Continuity
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import LedgerError, Record, parse, path_of, writers
from deploykit.ledger.repository import RESTORE
from deploykit.ledger.signatures import Claim, problem_of_signature, with_proofs
from deploykit.site.keys import Signer

SKEW = timedelta(minutes=5)  # how far two machines' clocks may lie apart


@dataclass(frozen=True, slots=True)
class Verified:
    """Records that verify, in a row, with their texts, and what is wrong with the one after them,
    if that is known."""

    records: Sequence[Record]
    texts: tuple[str, ...]
    fault: LedgerError | None = None


def verify(before: Sequence[Record], batches: Iterable[Batch], now: datetime) -> Iterator[Verified]:
    """The records of the commits in `batches`, which follow the verified records `before`, up to
    the first fault: with it they end.

    Every signature is checked against the signers in force at its own place in the ledger. `now`
    is the reader's clock: a record from later than that and SKEW is a fault like a wrong signature.
    """
    claimed = _claims(before, batches, now)
    for claims, proven, fault in with_proofs(claimed):
        verified = _verified(claims, proven, fault)
        yield verified
        if verified.fault is not None:
            return


def _verified(
    claims: Sequence[Claim], proven: Sequence[bool], fault: LedgerError | None
) -> Verified:
    """The records of `claims` up to the first that is not signed as it has to be."""
    for n, claim in enumerate(claims):
        problem = problem_of_signature(claim, proven[n])
        if problem:
            claims, fault = claims[:n], _wrong(claim.record, problem)
            break
    texts = tuple(claim.commit.record for claim in claims)
    return Verified(tuple(claim.record for claim in claims), texts, fault)


def _claims(
    before: Sequence[Record], batches: Iterable[Batch], now: datetime
) -> Iterator[tuple[list[Claim], LedgerError | None]]:
    """What is to be proved of each batch's signatures, and what is wrong with what follows."""
    standing = Continuity(before)
    n, last = len(before), before[-1] if before else None
    for batch in batches:
        claims: list[Claim] = []
        fault = LedgerError(batch.problem, RESTORE) if batch.problem else None
        for commit in batch.commits:
            try:
                record = _link(last, commit, n, now)
                claims.append(Claim(commit, record, _entitled(standing, record)))
            except LedgerError as error:
                fault = error
                break
            standing.add(record)
            n, last = n + 1, record
        yield claims, fault
        if fault is not None:
            return


def _entitled(standing: Continuity, record: Record) -> tuple[Signer, ...]:
    """Who may have signed `record`. Raises LedgerError if nobody may, or it may not follow."""
    fitting = entitled(record, standing.signers_for(record))
    problem = standing.problem(record)
    if problem:
        raise _wrong(record, problem)
    return fitting


def entitled(record: Record, signers: Sequence[Signer]) -> tuple[Signer, ...]:
    """The signers whose key may have signed `record`: its actor's, with a role that may write it.

    Raises LedgerError where there are none.
    """
    named = tuple(signer for signer in signers if signer.principal == record.actor)
    if not named:
        raise _wrong(record, f"{record.actor} is not among the ledger's signers")
    allowed = writers(Body(record.kind, record.body))
    fitting = tuple(signer for signer in named if signer.roles & allowed)
    if not fitting:
        what = record.body.get("decision", record.kind)
        raise _wrong(record, f"{record.actor} has no role that may write '{what}'")
    return fitting


def _link(last: Record | None, commit: RawCommit, n: int, now: datetime) -> Record:
    """The record of the next commit: one more file, no time to come, the number that follows."""
    record = parse(commit.record, n, commit.id)
    above = [last.commit] if last else []
    if record.kind == "mend":
        above.append(record.body["cut"])
    if list(commit.parents) != above:
        raise _wrong(record, "its commit does not follow the one before: the ledger is one line")
    changes = commit.changes.splitlines()
    added = changes[0].split("\t") if len(changes) == 1 else []
    if (
        len(added) != 2
        or not added[0].startswith(":000000 100644 ")
        or added[1] != path_of(n, commit.record)
    ):
        raise _wrong(record, "its commit changes other files than the one record that it adds")
    stamp = f"{int(record.time.timestamp())} +0000"
    if (commit.author_time, commit.committer_time) != (stamp, stamp):
        raise _wrong(record, "its commit is of another time than the record says")
    if record.time > now + SKEW:
        raise _wrong(
            record,
            f"it is dated {times.iso(record.time)}, which is yet to come: this machine's clock "
            f"says {times.iso(now)}",
            "if that clock is wrong, set it right; if the record's was, an admin cuts it off: "
            "deploy-kit ledger mend",
        )
    return record


def _wrong(record: Record, problem: str, remedy: str = RESTORE) -> LedgerError:
    return LedgerError(
        f"record {record.n} of the ledger (commit {record.commit[:12]}): {problem}", remedy
    )
