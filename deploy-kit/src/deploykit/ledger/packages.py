"""Vendors' packages as evidence saw them, and where two looks at them differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from deploykit.ledger.view import Evidence

Packages = Mapping[str, Mapping[str, str]]  # of each role: a package and its version


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package of a role that differs between two looks; '' where it was not."""

    role: str
    package: str
    old: str
    new: str


def last_seen(evidence: Iterable[Evidence]) -> Packages:
    """The versions of each role as they were last seen."""
    return {role: seen for entry in evidence for role, seen in entry.packages.items()}


def compare_packages(was: Packages, now: Packages) -> Iterator[PackageChange]:
    """What differs for the roles that were seen both times, role by role."""
    for role in sorted(was.keys() & now.keys()):
        old, new = was[role], now[role]
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield PackageChange(role, name, old.get(name, ""), new.get(name, ""))
