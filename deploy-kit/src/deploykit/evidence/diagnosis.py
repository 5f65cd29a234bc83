"""What a log says: which known fault it was, or that nobody knows it yet.

A run is known if a signature with a `bug` recognises a line of it; signatures without one say what
failed, and leave it new. Over many runs: which signature is too broad, and what share of the failed
nobody can explain.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.printable import one_line
from deploykit.logs.runs import Ending, Log, read_log
from deploykit.logs.signatures import Recognised, Signature, recognise, signatures_of
from deploykit.logs.store import Store
from deploykit.site import Site

BROAD = 0.1  # of the runs that passed: a signature that more of them show says little
SHOWN = 3  # lines of one signature in one log


@dataclass(frozen=True, slots=True)
class Sighting:
    """A line of a log that a signature recognised."""

    log: str
    found: Recognised

    @property
    def where(self) -> str:
        return f"{self.log}:{self.found.number}"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the logs of one run say, as signatures in their order have it."""

    sightings: tuple[Sighting, ...]

    @property
    def explained(self) -> tuple[Sighting, ...]:
        """The first sighting of each known fault."""
        first: dict[str, Sighting] = {}
        for sighting in self.sightings:
            if sighting.found.signature.bug:
                first.setdefault(sighting.found.signature.name, sighting)
        return tuple(first.values())

    @property
    def known(self) -> bool:
        """Whether a signature explains it."""
        return bool(self.explained)

    @property
    def names(self) -> tuple[str, ...]:
        """The signatures that recognised something."""
        return tuple(dict.fromkeys(sighting.found.signature.name for sighting in self.sightings))

    def lines(self) -> list[str]:
        """What a person is told: known faults first, then what failed, the same thing once."""
        lines = [
            f"known: {sighting.found.told} ({sighting.found.signature.bug}; "
            f"signature {sighting.found.signature.name}, {sighting.where})"
            for sighting in self.explained
        ]
        lines += [] if self.known else ["new: no signature explains it"]
        rest = (sighting for sighting in self.sightings if not sighting.found.signature.bug)
        return [
            *lines,
            *dict.fromkeys(
                f"it says: {sighting.found.told} ({sighting.where})" for sighting in rest
            ),
        ]


def diagnose(logs: Iterable[Log], signatures: Sequence[Signature]) -> Diagnosis:
    """What `signatures` recognise in the logs of one run, at most `SHOWN` lines each a log."""
    return Diagnosis(tuple(sightings(logs, signatures)))


def sightings(logs: Iterable[Log], signatures: Sequence[Signature]) -> Iterator[Sighting]:
    """What `diagnose` counts, log by log and signature by signature."""
    for log in logs:
        for recognised in recognise(log.text, signatures, log.name, SHOWN):
            yield Sighting(log.name, recognised)


@dataclass(frozen=True, slots=True)
class Count:
    """How often a signature was seen: in how many runs that failed, and that passed.

    `passing` is how many runs passed in all.
    """

    signature: Signature
    failed: int
    passed: int
    passing: int

    @property
    def broad(self) -> bool:
        """Whether more than a tenth of the runs that passed show it."""
        return self.passed > BROAD * self.passing

    @property
    def share(self) -> str:
        return f"{self.passed} of {self.passing} runs that passed"


@dataclass(frozen=True, slots=True)
class Figures:
    """What signatures are worth over many runs."""

    counts: tuple[Count, ...]
    failed: int
    unexplained: int

    @property
    def rate(self) -> float:
        """The share of the failed runs that no signature explains; 0 if none failed."""
        return self.unexplained / self.failed if self.failed else 0.0

    @property
    def broad(self) -> tuple[Count, ...]:
        return tuple(count for count in self.counts if count.broad)


def figures(
    seen: Iterable[tuple[Ending, Iterable[str]]], signatures: Sequence[Signature]
) -> Figures:
    """Count signatures over runs: how each ended, and the names of the signatures it showed."""
    explaining = {signature.name for signature in signatures if signature.bug}
    failed = dict.fromkeys((signature.name for signature in signatures), 0)
    passed = dict(failed)
    fails = passes = unexplained = 0
    for ending, names in seen:
        shown = set(names)
        if ending is Ending.FAILED:
            fails += 1
            unexplained += not shown & explaining
        elif ending is Ending.PASSED:
            passes += 1
        for name in shown & failed.keys():
            failed[name] += ending is Ending.FAILED
            passed[name] += ending is Ending.PASSED
    counts = tuple(
        Count(signature, failed[signature.name], passed[signature.name], passes)
        for signature in signatures
    )
    return Figures(counts, fails, unexplained)


def figures_of(store: Store, signatures: Sequence[Signature]) -> Figures:
    """The figures over all kept runs. What these signatures found in a run is remembered."""
    asked = _digest(signatures)
    runs, known = store.runs(), store.findings(asked)
    fresh: dict[str, str] = {}
    for entry in runs:
        if entry.run.id not in known:
            with contextlib.suppress(InputError):  # somebody takes it away meanwhile
                logs = store.read(entry.run.id)[1]
                fresh[entry.run.id] = json.dumps(diagnose(logs, signatures).names)
    if fresh:
        store.remember(asked, fresh.items())
    names_of = {id: json.loads(names) for id, names in {**known, **fresh}.items()}
    seen = (
        (entry.run.ending, names_of[entry.run.id]) for entry in runs if entry.run.id in names_of
    )
    return figures(seen, signatures)


def _digest(signatures: Sequence[Signature]) -> str:
    """What tells one set of signatures from another, as far as what they recognise goes."""
    parts = [[signature.name, signature.pattern, list(signature.files)] for signature in signatures]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def known_lines(diagnosis: Diagnosis, limit: int = 300) -> list[str]:
    """The known faults, a line each, for a remedy or a comment in review."""
    return [
        one_line(f"a known fault: {sighting.found.told}: {sighting.found.signature.bug}", limit)
        for sighting in diagnosis.explained
    ]


def known_in_folder(site: Site, folder: Path) -> list[str]:
    """The known faults in a call's folder of logs, a line each. Never fails: it is a help only."""
    with contextlib.suppress(DeployKitError, OSError):
        logs = [read_log(file) for file in sorted(folder.glob("*.log"))]
        return known_lines(diagnose(logs, signatures_of(site)))
    return []
