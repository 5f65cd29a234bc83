"""What is live on the page that an approver reads: evidence, packages, the verdict. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.policy.case import Case
from deploykit.policy.explanation import Row, explain

Packages = Mapping[str, Mapping[str, str]]  # of each role: a package and its version


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A vendor's package of a role that differs between two releases; '' where it was not."""

    role: str
    package: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Live:
    """What the ledger knows of an edge by now.

    `packages` are compared as they were seen with the evidence of both releases, None if nobody saw
    them with both. `rules` are empty if no environment is named.
    """

    evidence: tuple[view.Evidence, ...]
    packages: tuple[PackageChange, ...] | None
    rules: tuple[Row, ...]


def live_of(records: Sequence[Record], over: str | None, release: str, case: Case | None) -> Live:
    """What the ledger's `records` say of the edge from the digest `over` to that of `release`."""
    evidence = view.evidence(records, release=release)
    was = _packages(view.evidence(records, release=over)) if over is not None else {}
    now = _packages(evidence)
    compared = tuple(_compare(was, now)) if was and now else None
    return Live(evidence, compared, explain(case) if case is not None else ())


def _packages(evidence: Sequence[view.Evidence]) -> Packages:
    """The versions of each role as they were last seen."""
    return {role: seen for entry in evidence for role, seen in entry.packages.items()}


def _compare(was: Packages, now: Packages) -> list[PackageChange]:
    changes = []
    for role in sorted(was.keys() & now.keys()):
        old, new = was[role], now[role]
        changes += [
            PackageChange(role, name, old.get(name, ""), new.get(name, ""))
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        ]
    return changes
