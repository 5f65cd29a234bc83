"""Whether commits properly continue the ledger: form, order, time, signature, role."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploykit.base.parallel import in_parallel
from deploykit.base.process import run
from deploykit.ledger.kinds import KINDS, Body
from deploykit.ledger.records import LedgerError, Record, parse, writers
from deploykit.ledger.repository import RESTORE, RawCommit
from deploykit.ledger.view import signers_in_force, signers_set_by
from deploykit.site.keys import QUIET, TIMEOUT, Signer, allowed_signers

NAMESPACE = "git"


def verify(before: Sequence[Record], commits: Sequence[RawCommit]) -> list[Record]:
    """The records of `commits`, which follow the verified records `before`.

    Every signature is checked against the signers in force at its own place in the ledger.
    Raises LedgerError naming record and commit for the first thing that does not fit.
    """
    records = list(before)
    claims: list[tuple[RawCommit, Record, tuple[Signer, ...]]] = []
    signers = signers_in_force(records)
    for commit in commits:
        record = _link(records, commit)
        changed = signers_set_by(record)
        if changed is not None and KINDS[record.kind].begins:
            signers = changed
        claims.append((commit, record, entitled(record, signers)))
        signers = signers if changed is None else changed
        records.append(record)
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        problems = in_parallel(claims, lambda claim: _signature_problem(Path(folder), *claim), 2)
    for claim, problem in zip(claims, problems, strict=True):
        if problem:
            raise _wrong(claim[1], problem)
    return records[len(before) :]


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


def _link(before: Sequence[Record], commit: RawCommit) -> Record:
    """The record of the next commit: one more file, a later time, the number that follows."""
    n = len(before)
    parents = (before[-1].commit,) if before else ()
    record = parse(commit.record, n, commit.id)
    if commit.parents != parents:
        raise _wrong(record, "its commit does not follow the one before: the ledger is one line")
    changes = commit.changes.splitlines()
    added = changes[0].split("\t") if len(changes) == 1 else []
    if (
        len(added) != 2
        or not added[0].startswith(":000000 100644 ")
        or added[1] != (f"records/{n}.json")
    ):
        raise _wrong(record, "its commit changes other files than the one record that it adds")
    stamp = f"{int(record.time.timestamp())} +0000"
    if (commit.author_time, commit.committer_time) != (stamp, stamp):
        raise _wrong(record, "its commit is of another time than the record says")
    if before and record.time < before[-1].time:
        raise _wrong(record, f"its time lies before record {n - 1}'s: time runs backwards")
    if KINDS[record.kind].begins != (n == 0):
        raise _wrong(record, "a ledger begins with one genesis record, and has no other")
    return record


def _signature_problem(
    folder: Path, commit: RawCommit, record: Record, signers: tuple[Signer, ...]
) -> str:
    """What is wrong with the commit's signature; '' if it is that of one of `signers`."""
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


def _wrong(record: Record, problem: str) -> LedgerError:
    return LedgerError(
        f"record {record.n} of the ledger (commit {record.commit[:12]}): {problem}",
        RESTORE,
    )
