"""What is live on the page that an approver reads: evidence, packages, the verdict. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deploykit.ledger import view
from deploykit.ledger.packages import PackageChange, compare_packages, last_seen
from deploykit.ledger.records import Record
from deploykit.policy.case import Case
from deploykit.policy.explanation import Row, explain


@dataclass(frozen=True, slots=True)
class Live:
    """What the ledger knows of an edge by now.

    `packages` are compared as they were seen with the evidence of both releases, None if nobody saw
    them with both. `rules` are empty if no environment is named. `rehearsal` is the last one of
    going back over the edge: in a copy of the environment that is named, else of any.
    """

    evidence: tuple[view.Evidence, ...]
    packages: tuple[PackageChange, ...] | None
    rules: tuple[Row, ...]
    rehearsal: view.Evidence | None = None


def live_of(records: Sequence[Record], over: str | None, release: str, case: Case | None) -> Live:
    """What the ledger's `records` say of the edge from the digest `over` to that of `release`."""
    evidence = view.evidence(records, release=release)
    was = last_seen(view.evidence(records, release=over)) if over is not None else {}
    now = last_seen(evidence)
    compared = tuple(compare_packages(was, now)) if was and now else None
    environment = case.environment if case is not None else None
    rehearsal = view.last_rehearsal(records, over, release, environment)
    return Live(evidence, compared, explain(case) if case is not None else (), rehearsal)
