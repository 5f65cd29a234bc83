"""The rules of policy, one function each: what stands against a release's entry. No I/O.

A new rule is a function here and its name in one of the lists at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from deploykit.base import times
from deploykit.base.printable import one_line
from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.ledger.schema import SPECULATIVE, Phase, Result
from deploykit.ledger.words import short
from deploykit.site.keys import person
from deploykit.site.promotion import CheckRule, Promotion

UPGRADE = "upgrade"
BOOTSTRAP = "bootstrap"
GATED = "gated"
MISSING = "evidence-missing"
TO_ADD = "evidence-to-add"  # of a check that no train runs
APPROVALS = "approvals"
SOAK = "soak"
# What only evidence, people or time lack: a train gathers evidence meanwhile.
MEANWHILE = frozenset({MISSING, TO_ADD, SOAK, APPROVALS})
IN_FLIGHT = "in-flight"
SOURCE_UNSETTLED = "source-unsettled"
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


@dataclass(frozen=True, slots=True)
class Case:
    """One question to policy: the release, where to, and all that is known.

    `runnable` are the checks that a train can run, None where that is not known: it changes what
    is to be done about missing evidence, never whether it is missing.
    """

    release: Candidate
    environment: str
    records: Sequence[Record]
    now: datetime
    rule: Promotion
    own_deploy: str | None
    runnable: Collection[str] | None = None

    @property
    def over(self) -> str | None:
        """The digest that the environment really runs."""
        runs = view.running(self.records, self.environment)
        return runs.digest if runs else None


def speculative(case: Case) -> list[Reason]:
    """A state of the gate: made to be tried, of changes that may never be merged."""
    version = case.release.version
    if not version.startswith(SPECULATIVE):
        return []
    text = f"{version} is no release but a state that the gate tries changes on"
    return [Reason("speculative", text, "merge the changes, then: deploy-kit release cut")]


def vetoed(case: Case) -> list[Reason]:
    """Vetoes of this release, by each person's last word on it."""
    reasons = []
    overruled = _last_of(case, "overrule", release=case.release.digest)
    for entry in _last_words(case):
        if entry.decision == "veto" and (overruled is None or overruled.n < entry.n):
            version, name = case.release.version, case.environment
            text = f"{entry.actor} vetoed {version}{_because(entry)}"
            remedy = (
                f"cut another release; or {entry.actor} takes it back: deploy-kit approve "
                f"{version} {name}; or an admin overrules it: deploy-kit overrule {version}"
            )
            reasons.append(Reason("veto", text, remedy))
    return reasons


def compromised(case: Case) -> list[Reason]:
    """A release that was cut with a key which was in other hands by then."""
    known = view.releases(case.records).get(case.release.digest)
    if known is None or known.n not in view.discounted(case.records):
        return []
    text = f"{case.release.version} was released with the key of {known.actor} after it was stolen"
    return [Reason("compromised", text, "cut another release from commits that you have checked")]


def on_hold(case: Case) -> list[Reason]:
    """A hold of the environment."""
    hold = _last_of(case, "hold", "unhold")
    if hold is None or hold.decision != "hold":
        return []
    name = case.environment
    text = f"{name} is on hold, by {hold.actor} since {times.iso(hold.time)}{_because(hold)}"
    return [Reason("hold", text, f"deploy-kit unhold {name}")]


def pinned(case: Case) -> list[Reason]:
    """A pin of the environment to another release."""
    pin = _last_of(case, "pin", "unpin")
    if pin is None or pin.decision != "pin" or pin.release == case.release.digest:
        return []
    name = case.environment
    text = f"{name} is pinned to {short(pin.release)} by {pin.actor}{_because(pin)}"
    return [Reason("pin", text, f"deploy-kit unpin {name}")]


def in_flight(case: Case) -> list[Reason]:
    """Another deploy that holds the environment's lease."""
    lease = view.in_flight(case.records, case.environment, case.now)
    if lease is None or lease.id == case.own_deploy:
        return []
    text = (
        f"{lease.owner} has been deploying {lease.version} to {case.environment} since "
        f"{times.iso(lease.since)}; its lease lasts until {times.iso(lease.lease_until)}"
    )
    return [Reason(IN_FLIGHT, text, "wait for it: deploy-kit status")]


def ran_before(case: Case) -> list[Reason]:
    """What an environment goes back to must have run there."""
    ran = any(
        attempt.phase == Phase.FINISHED and attempt.release == case.release.digest
        for attempt in view.attempts(case.records, case.environment)
    )
    if ran:
        return []
    name, version = case.environment, case.release.version
    text = f"{version} never ran in {name}, so there is nothing to go back to"
    return [Reason("never-ran", text, f"deploy-kit history {name}")]


def source(case: Case) -> list[Reason]:
    """The release must be what `from` runs, by a last deploy that went well."""
    source, version = case.rule.source, case.release.version
    if source is None:
        return []
    found = view.attempts(case.records, source)
    first = f"deploy-kit promote {version} {source}"
    if not found:
        return [Reason("not-in-source", f"{source} runs nothing yet", first)]
    last = found[-1]
    if last.open:
        state = "is being deployed" if last.lease_until > case.now else "was never finished"
        text = (
            f"{source} is not settled: {last.version} {state} there since {times.iso(last.since)}"
        )
        return [Reason(SOURCE_UNSETTLED, text, f"deploy-kit deploy {last.version} {source}")]
    if last.phase == Phase.FAILED:
        text = f"the last deploy in {source} failed: {last.version} on {times.iso(last.told)}"
        remedy = f"deploy-kit history {source}; then deploy again or roll back there"
        return [Reason("source-failed", text, remedy)]
    if last.release != case.release.digest:
        return [Reason("not-in-source", f"{source} runs {last.version}, not {version}", first)]
    return []


def soak(case: Case) -> list[Reason]:
    """The time that the release has to run in `from` first."""
    source = case.rule.source
    runs = view.running(case.records, source) if source else None
    if not case.rule.soak or runs is None or runs.digest != case.release.digest:
        return []
    ready = runs.since + timedelta(seconds=case.rule.soak)
    if case.now >= ready:
        return []
    text = (
        f"{case.release.version} has to run in {source} for {timedelta(seconds=case.rule.soak)} "
        f"first: until {times.iso(ready)}"
    )
    return [Reason(SOAK, text, f"wait until {times.iso(ready)}")]


def approvals(case: Case) -> list[Reason]:
    """Approvals of distinct people; each one's last word on the release counts."""
    approved = {person(one.actor) for one in _last_words(case) if one.decision == "approve"}
    involved = approved & _involved(case)
    given = sorted(approved - involved)
    lacking = case.rule.approvals - len(given)
    if lacking <= 0:
        return []
    by = f" (given by {', '.join(given)})" if given else ""
    people = "approval is" if lacking == 1 else f"{lacking} approvals are"
    text = f"{'one more ' if lacking == 1 else ''}{people} needed for {case.environment}{by}"
    if involved:
        text += f"; of {', '.join(sorted(involved))} it does not count, who worked on the release"
    remedy = f"deploy-kit approve {case.release.version} {case.environment}"
    return [Reason(APPROVALS, text, remedy)]


def _involved(case: Case) -> set[str]:
    """Whose approval policy does not count: who cut the release, who deployed it."""
    digest, people = case.release.digest, set()
    if "cut" in case.rule.approvals_not:
        known = view.releases(case.records).get(digest)
        people |= {person(known.actor)} if known else set()
    if "deploy" in case.rule.approvals_not:
        deploys = [record for record in case.records if record.kind == "deploy"]
        people |= {person(one.actor) for one in deploys if one.body["release"] == digest}
    return people


def checks(case: Case) -> list[Reason]:
    """The evidence of every check that the environment asks for."""
    lacks = (_lacks(case, check, rule) for check, rule in case.rule.checks.items())
    return [reason for reason in lacks if reason is not None]


def _lacks(case: Case, check: str, rule: CheckRule) -> Reason | None:
    """Why the evidence of one check does not do; None when it does.

    Every attempt counts: the first `attempts` must hold enough passes, and no later failure is
    forgotten. Trying until it works does not help.
    """
    if check == UPGRADE and case.over is None:
        return None  # nothing runs there: the first deploy is the bootstrap
    if _waived(case, check):
        return None
    found = relevant(case.records, case.release.digest, check, case.environment, case.rule)
    failed = [entry for entry in found if entry.result != Result.PASSED]
    over = f" over {short(case.over)}" if check == UPGRADE else ""
    if len(failed) > rule.attempts - rule.passes:
        return _failed(case, f"{check}{over}", check, found)
    counted = found[: rule.attempts]
    passes = sum(entry.result == Result.PASSED for entry in counted)
    if passes >= rule.passes:
        return None
    asked = f" ({passes} of {rule.passes} so far)" if rule.passes > 1 or counted else ""
    text = f"no evidence of {check}{over} for {case.environment}{asked}"
    if case.runnable is not None and check not in case.runnable:
        return _to_add(case, check, text, case.runnable)
    needed = NeededCheck(check, case.over if check == UPGRADE else None)
    return Reason(MISSING, text, f"deploy-kit train {case.release.version}", needed)


def _failed(case: Case, what: str, check: str, found: Sequence[view.Evidence]) -> Reason:
    rule, version = case.rule.checks[check], case.release.version
    failed = [entry for entry in found if entry.result != Result.PASSED]
    why = f": {one_line(failed[-1].summary)}" if failed[-1].summary else ""
    return Reason(
        "check-failed",
        f"{what} failed: {len(found) - len(failed)} of {len(found)} attempts passed, "
        f"{rule.passes} of {rule.attempts} must{why}",
        "mend it and cut another release; an admin can waive the check:\n"
        f"deploy-kit waive {version} {case.environment} {check} --reason TEXT",
    )


def _to_add(case: Case, check: str, text: str, runnable: Collection[str]) -> Reason:
    """Evidence of a check that somebody else runs, where the release runs before."""
    why = f"{text}: no train runs it (a train runs {', '.join(sorted(runnable))})"
    if case.rule.source is None:
        remedy = f"give {case.environment} a promotion.from, or do not ask for {check} there"
        return Reason(
            "evidence-from-nowhere",
            f"{why}, and policy names no environment where it could have been run",
            f"{remedy}; then deploy-kit policy apply",
        )
    return Reason(
        TO_ADD,
        f"{why}; add the results of a run in {case.rule.source}",
        f"deploy-kit evidence add {check} {case.rule.source} FILE",
    )


def _decisions(case: Case) -> list[view.Decision]:
    """The decisions about this environment, or about all."""
    entries = view.decisions(case.records)
    return [entry for entry in entries if entry.environment in (case.environment, None)]


def _last_of(case: Case, *decisions: str, release: str | None = None) -> view.Decision | None:
    """The last of these decisions about the environment (and `release`, a digest)."""
    entries = [
        entry
        for entry in _decisions(case)
        if entry.decision in decisions and release in (None, entry.release)
    ]
    return entries[-1] if entries else None


def _last_words(case: Case) -> list[view.Decision]:
    """Each person's last word, approval or veto, on the release."""
    words: dict[str, view.Decision] = {}
    for entry in _decisions(case):
        if entry.decision in ("veto", "approve") and entry.release == case.release.digest:
            words[person(entry.actor)] = entry
    return list(words.values())


def _waived(case: Case, check: str) -> bool:
    return any(
        entry.decision == "waive"
        and entry.release == case.release.digest
        and entry.environment == case.environment
        and entry.check == check
        for entry in view.decisions(case.records)
    )


def relevant(
    records: Sequence[Record], release: str, check: str, environment: str, rule: Promotion
) -> tuple[view.Evidence, ...]:
    """The attempts at `check` that count for the entry of `release` into `environment`.

    Gathered in `from` itself (upgrade and bootstrap also in copies of it), or in a throwaway copy
    made for this edge; upgrade over exactly what `environment` runs, bootstrap over nothing. What
    the gate found is about the release's content, wherever that goes.
    """
    runs = view.running(records, environment)
    over = runs.digest if runs else None
    found = []
    for entry in view.evidence(records, release=release, check=check):
        for_edge = entry.copy and entry.edge == environment
        there = entry.environment == rule.source and entry.edge in (rule.source, environment)
        if check == GATED:
            fits = True
        elif check == UPGRADE:
            fits = (there or for_edge) and entry.over == over
        elif check == BOOTSTRAP:
            fits = (there or for_edge) and entry.over is None
        else:
            fits = (there and not entry.copy) or (for_edge and rule.source is None)
        if fits and entry.result != Result.NOT_APPLICABLE:
            found.append(entry)
    return tuple(found)


def _because(entry: view.Decision) -> str:
    return f": {one_line(entry.reason)}" if entry.reason else ""


Rule = Callable[[Case], list[Reason]]
ALWAYS: tuple[Rule, ...] = (speculative, compromised, vetoed, on_hold, pinned, in_flight)
# A release that runs there already needs none of these to be deployed once more.
ENTRY: tuple[Rule, ...] = (source, soak, approvals, checks)
RETURN: tuple[Rule, ...] = (ran_before,)
