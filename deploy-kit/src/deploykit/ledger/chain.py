"""Whether commits properly continue the ledger: form, order, time, signature, role, continuity."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from deploykit.base import times
from deploykit.base.parallel import in_parallel
from deploykit.base.process import run
from deploykit.base.sshsig import Question, is_proven
from deploykit.ledger.continuity import Continuity
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import LedgerError, Record, parse, path_of, writers
from deploykit.ledger.repository import RESTORE, RawCommit
from deploykit.site.keys import QUIET, TIMEOUT, Signer, allowed_signers

NAMESPACE = "git"
SKEW = timedelta(minutes=5)  # how far two machines' clocks may lie apart


@dataclass(frozen=True, slots=True)
class Verified:
    """The records that verify, in a row, and what is wrong with the one after them, if any."""

    records: list[Record]
    fault: LedgerError | None = None


def verify(before: Sequence[Record], commits: Sequence[RawCommit], now: datetime) -> Verified:
    """The records of `commits`, which follow the verified records `before`, up to the first fault.

    Every signature is checked against the signers in force at its own place in the ledger. `now`
    is the reader's clock: a record from later than that and SKEW is a fault like a wrong signature.
    """
    standing = Continuity(before)
    last = before[-1] if before else None
    claims: list[tuple[RawCommit, Record, tuple[Signer, ...]]] = []
    fault: LedgerError | None = None
    for commit in commits:
        try:
            record = _link(last, commit, len(before) + len(claims), now)
            claims.append((commit, record, _claimed(standing, record)))
        except LedgerError as error:
            fault = error
            break
        standing.add(record)
        last = record
    proven = [is_proven(_question(commit, signers)) for commit, _, signers in claims]
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        # Of what is not proven here ssh-keygen has the word, whatever it is.
        asked = [claim for claim, proof in zip(claims, proven, strict=True) if not proof]
        problems = in_parallel(asked, lambda claim: _signature_problem(Path(folder), *claim), 2)
    faulty = {claim[1].n: problem for claim, problem in zip(asked, problems, strict=True)}
    records: list[Record] = []
    for _, record, _ in claims:
        if problem := faulty.get(record.n, ""):
            return Verified(records, _wrong(record, problem))
        records.append(record)
    return Verified(records, fault)


def _claimed(standing: Continuity, record: Record) -> tuple[Signer, ...]:
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


def _question(commit: RawCommit, signers: tuple[Signer, ...]) -> Question:
    keys = tuple(signer.key for signer in signers)
    return Question(commit.payload, commit.signature, NAMESPACE, keys)


def _signature_problem(
    folder: Path, commit: RawCommit, record: Record, signers: tuple[Signer, ...]
) -> str:
    """What ssh-keygen has against the commit's signature; '' if it is one of `signers`'."""
    if not commit.signature:
        return "its commit is not signed"
    known = folder / f"{record.n}.signers"
    signature = folder / f"{record.n}.sig"
    known.write_text(allowed_signers(signers, NAMESPACE), encoding="utf-8")
    signature.write_text(commit.signature, encoding="utf-8")
    words = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", record.actor]
    result = run(
        [*words, "-f", known, "-s", signature],
        timeout=TIMEOUT,
        input=commit.payload,
        env=QUIET,
        check=False,
    )
    return "" if result.returncode == 0 else f"its signature is not {record.actor}'s"


def _wrong(record: Record, problem: str, remedy: str = RESTORE) -> LedgerError:
    return LedgerError(
        f"record {record.n} of the ledger (commit {record.commit[:12]}): {problem}", remedy
    )
