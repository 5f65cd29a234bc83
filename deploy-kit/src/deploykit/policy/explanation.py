"""A verdict as a table: every rule of policy, what it found, and what would meet it. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploykit.base import times
from deploykit.ledger.kinds import OF_AN_EDGE, ROLLBACK, UPGRADE
from deploykit.ledger.schema import Result
from deploykit.policy import approvals, proof, restrictions, timing
from deploykit.policy.case import FREEZE, SOAK, Case, Reason, Waiver, is_waived, waiver_of
from deploykit.policy.rules import Rule, entry_rules, source
from deploykit.site.windows import change_after


@dataclass(frozen=True, slots=True)
class Row:
    """One rule, or one check: whether it is met, and what it goes by."""

    rule: str
    met: bool
    text: str
    remedy: str = ""


def explain(case: Case) -> tuple[Row, ...]:
    """Every rule that the entry is asked about, in the order of policy; those that are not met as
    the verdict has them, the others with what meets them."""
    return tuple(row for rule in entry_rules(case) for row in _rows(rule, case))


def _rows(rule: Rule, case: Case) -> Iterator[Row]:
    if rule is proof.checks:
        for check in case.rule.checks:
            lack = proof.lack_of(case, check)
            yield _unmet(check, lack) if lack else Row(check, True, _proven(case, check))
        return
    title, meets = _MEETS[rule]
    reasons = rule(case)
    for reason in reasons:
        yield _unmet(title, reason)
    if not reasons:
        yield Row(title, True, meets(case))


def _unmet(rule: str, reason: Reason) -> Row:
    return Row(rule, False, reason.text, reason.remedy)


def _proven(case: Case, check: str) -> str:
    """What meets a check."""
    if check in OF_AN_EDGE and case.over is None:
        return f"{case.environment} runs nothing yet: {_NOTHING_OVER[check]}"
    waiver = waiver_of(case, check)
    if waiver is not None and is_waived(waiver):
        return _waived(waiver)
    entries = proof.relevant(case.records, case.release.digest, check, case.environment, case.rule)
    passes = [entry for entry in entries if entry.result == Result.PASSED]
    last = f", the last at {times.iso(passes[-1].time)} (record {passes[-1].n})" if passes else ""
    rehearsed = passes[-1].rollback if passes else None
    came = f"{rehearsed}: " if rehearsed else ""
    return f"{came}{len(passes)} of {len(entries)} attempts passed{last}"


def _source(case: Case) -> str:
    return f"{case.rule.source} runs it" if case.rule.source else "nothing comes before"


def _freeze(case: Case) -> str:
    if not case.rule.freeze:
        return "no windows are set"
    waiver = waiver_of(case, FREEZE)
    if timing.is_frozen(case) and waiver is not None:
        return _waived(waiver)
    following = change_after(case.rule.freeze, case.now)
    return f"open, until {times.iso(following)}" if following else "open, with no end in sight"


def _soak(case: Case) -> str:
    soaking = timing.soak_of(case)
    if soaking is None:
        return "no time is asked for"
    waiver = waiver_of(case, SOAK)
    if case.now < soaking.ready and waiver is not None:
        return _waived(waiver)
    return f"undisturbed in {case.rule.source} since {times.iso(soaking.since)}"


def _approvals(case: Case) -> str:
    asked, tally = case.rule.approvals, approvals.count_approvals(case)
    text = f"by {', '.join(tally.counted)}" if tally.counted else "none is asked for"
    if "author" not in asked.excluded:
        return text
    written = approvals.authorship(case)
    strangers = ", ".join(written.strangers) if written.known else "not recorded"
    return f"{text}; authors whom no signer's address names: {strangers}" if strangers else text


def _waived(waiver: Waiver) -> str:
    entry = waiver.decision
    until = f" until {times.iso(entry.until)}" if entry.until else ""
    return f"waived{until} by {entry.actor}: {entry.reason}"


_NOTHING_OVER = {UPGRADE: "nothing is upgraded", ROLLBACK: "there is nothing to go back to"}
# What stands beside a rule that is met.
_MEETS: dict[Rule, tuple[str, Callable[[Case], str]]] = {
    restrictions.speculative: ("release", lambda case: "it is one"),
    restrictions.compromised: ("signer", lambda case: "released with a key that counts"),
    restrictions.vetoed: ("veto", lambda case: "none"),
    restrictions.on_hold: ("hold", lambda case: "none"),
    restrictions.pinned: ("pin", lambda case: "none, or to this release"),
    restrictions.in_flight: ("lease", lambda case: f"nobody is deploying to {case.environment}"),
    source: ("from", _source),
    timing.frozen: ("freeze", _freeze),
    timing.soak: ("soak", _soak),
    approvals.approvals: ("approvals", _approvals),
}
