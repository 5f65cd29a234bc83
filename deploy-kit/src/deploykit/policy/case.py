"""One question to policy, the form of its answers, and what people decided about it. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from deploykit.base import times
from deploykit.base.printable import one_line
from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.site.keys import ADMIN, person
from deploykit.site.promotion import Promotion

# Codes of reasons that others ask for by name.
MISSING = "evidence-missing"
TO_ADD = "evidence-to-add"  # of a check that no train runs
APPROVALS = "approvals"
SOAK = "soak"
FREEZE = "freeze"
IN_FLIGHT = "in-flight"
SOURCE_UNSETTLED = "source-unsettled"
# What only evidence, people or time lack: a train gathers evidence meanwhile.
MEANWHILE = frozenset({MISSING, TO_ADD, SOAK, FREEZE, APPROVALS})
PASSING = frozenset({IN_FLIGHT, SOURCE_UNSETTLED})  # what is over when another deploy is


class Candidate(Protocol):
    """What policy must know of a release."""

    @property
    def digest(self) -> str: ...

    @property
    def version(self) -> str: ...


@dataclass(frozen=True, slots=True)
class NeededCheck:
    """A check that may still be run; `over` is the digest it starts from, None for nothing."""

    check: str
    over: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not: a code for machines, a sentence, and what would change the answer.

    `needed` is the check whose evidence a train could still gather, if that is all that lacks.
    """

    code: str
    text: str
    remedy: str
    needed: NeededCheck | None = None


@dataclass(frozen=True)
class Case:
    """One question to policy: the release, where to, and all that is known.

    `own_deploy` is the id of a deploy whose lease does not stand in the way. `runnable` are the
    checks that a train can run, None where that is not known: it changes what is to be done about
    missing evidence, never whether it is missing. `asker` is the principal of who asks for the
    entry, None if nobody does yet.
    """

    release: Candidate
    environment: str
    records: Sequence[Record]
    now: datetime
    rule: Promotion
    own_deploy: str | None
    runnable: Collection[str] | None = None
    asker: str | None = None

    # The records do not change, and rules ask again and again: it is derived once.
    @cached_property
    def over(self) -> str | None:
        """The digest that the environment really runs."""
        runs = view.running(self.records, self.environment)
        return runs.digest if runs else None


def last_of(case: Case, *decisions: str, release: str | None = None) -> view.Decision | None:
    """The last of these decisions about the environment or about all (and `release`, a digest)."""
    about = (case.environment, None)
    wanted = view.decisions(
        case.records, *decisions, environments=about, release=release, newest_first=True
    )
    return next(wanted, None)


def last_words(case: Case) -> list[view.Decision]:
    """Each person's last word, approval or veto, on the release."""
    about, digest = (case.environment, None), case.release.digest
    words = view.decisions(case.records, "veto", "approve", environments=about, release=digest)
    return list({person(entry.actor): entry for entry in words}.values())


def over_by(case: Case, entry: view.Decision) -> str:
    """Why a decision does not hold any more, or for another edge; '' if it holds."""
    if entry.until is not None and case.now >= entry.until:
        return f"was over at {times.iso(entry.until)}"
    if entry.edge is not None and entry.edge.over != case.over:
        was = view.version_of(case.records, entry.edge.over or "") or "nothing"
        return f"was given when {case.environment} ran {was}"
    return ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """What was waived, and why that does not count; '' if it does."""

    decision: view.Decision
    fault: str


def waiver_of(case: Case, what: str) -> Waiver | None:
    """The waiver of `what` for the entry: one that counts if there is any, else the last."""
    about, digest = (case.environment,), case.release.digest
    said = [
        entry
        for entry in view.decisions(
            case.records, "waive", "unwaive", environments=about, release=digest
        )
        if entry.check == what
    ]
    back = next((entry for entry in reversed(said) if entry.decision == "unwaive"), None)
    waivers = [
        Waiver(entry, _taken_back(entry, back) or over_by(case, entry) or _own_waiver(case, entry))
        for entry in said
        if entry.decision == "waive"
    ]
    counting = [waiver for waiver in waivers if not waiver.fault]
    return next(reversed(counting or waivers), None)


def _taken_back(entry: view.Decision, back: view.Decision | None) -> str:
    """Whether the last `unwaive` came after a waiver, in words; '' if not."""
    if back is None or back.n < entry.n:
        return ""
    return f"was taken back by {back.actor}{because(back)}"


def is_waived(waiver: Waiver | None) -> bool:
    """Whether there is a waiver that counts."""
    return waiver is not None and not waiver.fault


def uncounted(waiver: Waiver | None) -> str:
    """Why a waiver does not count, to stand behind what it was to waive; '' if there is none."""
    return f"; the waiver by {waiver.decision.actor} {waiver.fault}" if waiver else ""


def _own_waiver(case: Case, entry: view.Decision) -> str:
    """A waiver by who asks for the entry counts only where nobody else could give one.

    Those in records from before a waiver named its edge were given when it counted always.
    """
    if entry.edge is None or case.asker is None or person(entry.actor) != person(case.asker):
        return ""
    admins = {person(s.principal) for s in view.signers_in_force(case.records) if ADMIN in s.roles}
    return "is by who asks for the entry" if admins - {person(case.asker)} else ""


def because(entry: view.Decision) -> str:
    """The reason of a decision, to stand behind what it is."""
    return f": {one_line(entry.reason)}" if entry.reason else ""
