"""Drift: where nodes are not what the release that they run makes of them. Pure.

Salt says in its test mode what it would change; the nodes themselves say what else changed since
the last deployment. What was asked is in `look`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from deploykit.base.printable import one_line
from deploykit.ledger.packages import Packages, compare_packages
from deploykit.master.facade import StatesRun
from deploykit.mirror.packageset import PackageSet, find_strangers
from deploykit.nodes.changes import NodeChanges

# What changes by itself, or by the network's word: no deployment made it what it is.
RESTLESS = frozenset({"/etc/adjtime", "/etc/mtab", "/etc/resolv.conf", "/etc/.pwd.lock"})
SHOWN = 10  # findings in the summary of a record


class Kind(StrEnum):
    """What drifted."""

    STATE = "state"  # Salt would change it, or fail to
    FILE = "file"  # below /etc, of no state
    SERVICE = "service"  # a unit that failed
    PACKAGE = "package"  # another version than was seen with the release
    KIT = "kit"  # the release's own files on the master


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was deployed: on which node, what, and what is wrong with it."""

    node: str
    kind: Kind
    what: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.node}: {self.kind} {one_line(self.what)}: {one_line(self.wrong)}"


def drift_of_states(answers: Mapping[str, StatesRun]) -> Iterator[Finding]:
    """What Salt would change or fail at; `answers` are those of a run in test mode."""
    for node, answer in sorted(answers.items()):
        for entry in answer["failed"]:
            yield Finding(node, Kind.STATE, entry["state"], f"fails: {_first(entry['comment'])}")
        for entry in answer["changed"]:
            yield Finding(node, Kind.STATE, entry["state"], _first(entry["comment"]))


def drift_of_nodes(
    changes: Mapping[str, NodeChanges], answers: Mapping[str, StatesRun]
) -> Iterator[Finding]:
    """What changed below /etc without a state that owns it, and units that failed.

    A folder stands for what was taken out of it: it is named if nothing in it is.
    """
    for node, change in sorted(changes.items()):
        known = {*(answers[node]["files"] if node in answers else ()), *RESTLESS}
        for path in change.files:
            if path not in known:
                yield Finding(node, Kind.FILE, path, "changed since the last deployment")
        explained = {path.rpartition("/")[0] for path in (*change.files, *known)}
        for folder in change.folders:
            if folder not in explained:
                yield Finding(node, Kind.FILE, folder, "something in it came or went")
        for unit in change.failed:
            yield Finding(node, Kind.SERVICE, unit, "failed")


def drift_of_packages(seen: Packages, now: Packages, first: Mapping[str, str]) -> Iterator[Finding]:
    """Packages of a role with another version than was seen with the release (`seen`).

    `first` is the first node with each role, whose versions a role's are; a node has several roles,
    and each package of it is told once.
    """
    told = set()
    for change in compare_packages(seen, now):
        thing = (first[change.role], change.package)
        if thing not in told:
            told.add(thing)
            was = f"{change.old or 'not there'} with the release, {change.new or 'gone'} now"
            yield Finding(first[change.role], Kind.PACKAGE, change.package, was)


def drift_of_set(
    now: Packages, pinned: PackageSet | None, first: Mapping[str, str]
) -> Iterator[Finding]:
    """Packages of a role in another version than the set that the release pins, each told once.

    `first` as for `drift_of_packages`.
    """
    told = set()
    for stranger in find_strangers(now, pinned) if pinned is not None else ():
        thing = (first[stranger.role], stranger.package)
        if thing not in told:
            told.add(thing)
            wrong = f"{stranger.version}, and the release pins {stranger.wanted}"
            yield Finding(first[stranger.role], Kind.PACKAGE, stranger.package, wrong)


def count_by_node(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings each node has."""
    return dict(Counter(finding.node for finding in findings))


def summary_of(findings: tuple[Finding, ...], nodes: int) -> str:
    """The findings in a few lines, for a record."""
    if not findings:
        return f"none on {nodes} nodes"
    more = [f"and {len(findings) - SHOWN} more"] if len(findings) > SHOWN else []
    return "\n".join([*map(str, findings[:SHOWN]), *more])


def _first(comment: str) -> str:
    return comment.strip().partition("\n")[0]
