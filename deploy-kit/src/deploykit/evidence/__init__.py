"""Evidence: what a check found, counted and written into the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deploykit.checks import Outcome
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import evidence_body
from deploykit.ledger.kinds import Body, without
from deploykit.ledger.records import Record
from deploykit.ledger.selection import select
from deploykit.policy.case import Candidate

SUMMARY_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Finding:
    """One attempt of a check, as it goes on record.

    `over` is the digest that ran before (None: nothing did), `seconds` wall time; `copy` says
    that it was gathered on a throwaway copy of `environment`. `left_out` are the nodes that it says
    nothing of, each with the reason. `provider` made the copy, if the environment's own did not.
    """

    check: str
    release: Candidate
    over: str | None
    environment: str
    outcome: Outcome
    seconds: float
    copy: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    provider: str | None = None

    @property
    def summary(self) -> str:
        """What it found in words, and of whom it says nothing."""
        text = self.outcome.summary[:SUMMARY_LENGTH]
        return f"{text}; {without(self.left_out)}" if self.left_out else text


def record(ledger: Ledger, finding: Finding) -> None:
    """Append `finding` to the ledger, numbered after the attempts already there."""
    ledger.append(lambda records, now: body_of(finding, records))


def body_of(finding: Finding, records: Sequence[Record]) -> Body:
    """`finding` as the record that follows `records`."""
    return evidence_body(
        check=finding.check,
        release=finding.release.digest,
        over=finding.over,
        environment=finding.environment,
        copy=finding.copy,
        provider=finding.provider,
        attempt=1 + _attempts(finding, records),
        result=finding.outcome.result,
        seconds=finding.seconds,
        summary=finding.summary,
        packages=finding.outcome.packages,
        rehearsed=finding.outcome.rehearsed,
    )


def _attempts(finding: Finding, records: Sequence[Record]) -> int:
    """How often that check was tried so before."""
    entries = select(
        records,
        "evidence",
        topics=(finding.check,),
        environments=(finding.environment,),
        release=finding.release.digest,
    )
    asked = (finding.over, finding.copy)
    return sum((entry.body["over"], entry.body["copy"]) == asked for entry in entries)
