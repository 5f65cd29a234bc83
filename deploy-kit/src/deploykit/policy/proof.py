"""The rule of evidence: every check that an environment asks for, by what was recorded. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from deploykit.base.printable import one_line
from deploykit.ledger import view
from deploykit.ledger.kinds import OF_AN_EDGE, ROLLBACK, UPGRADE
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Result
from deploykit.ledger.words import short
from deploykit.policy.case import (
    MISSING,
    TO_ADD,
    Case,
    NeededCheck,
    Reason,
    is_waived,
    uncounted,
    waiver_of,
)
from deploykit.site.promotion import Promotion

BOOTSTRAP = "bootstrap"
GATED = "gated"


def checks(case: Case) -> list[Reason]:
    """The evidence of every check that the environment asks for."""
    lacks = (lack_of(case, check) for check in case.rule.checks)
    return [reason for reason in lacks if reason is not None]


def lack_of(case: Case, check: str) -> Reason | None:
    """Why the evidence of one check does not do; None when it does.

    Every attempt counts: the first `attempts` must hold enough passes, and no later failure is
    forgotten. Trying until it works does not help.
    """
    if check in OF_AN_EDGE and case.over is None:
        return None  # nothing runs there: the first deploy is the bootstrap
    rule, waiver = case.rule.checks[check], waiver_of(case, check)
    if is_waived(waiver):
        return None
    found = relevant(case.records, case.release.digest, check, case.environment, case.rule)
    failed = [entry for entry in found if entry.result != Result.PASSED]
    over = f" over {short(case.over)}" if check in OF_AN_EDGE else ""
    if len(failed) > rule.attempts - rule.passes:
        return _failed(case, f"{check}{over}", check, found, uncounted(waiver))
    counted = found[: rule.attempts]
    passes = sum(entry.result == Result.PASSED for entry in counted)
    if passes >= rule.passes:
        return None
    asked = f" ({passes} of {rule.passes} so far)" if rule.passes > 1 or counted else ""
    text = f"no evidence of {check}{over} for {case.environment}{asked}{uncounted(waiver)}"
    if case.runnable is not None and check not in case.runnable:
        return _to_add(case, check, text, case.runnable)
    needed = NeededCheck(check, case.over if check in OF_AN_EDGE else None)
    return Reason(MISSING, text, f"deploy-kit train {case.release.version}", needed)


def _failed(
    case: Case, what: str, check: str, found: Sequence[view.Evidence], waived: str
) -> Reason:
    rule, version = case.rule.checks[check], case.release.version
    failed = [entry for entry in found if entry.result != Result.PASSED]
    why = f": {one_line(failed[-1].summary)}" if failed[-1].summary else ""
    return Reason(
        "check-failed",
        f"{what} failed: {len(found) - len(failed)} of {len(found)} attempts passed, "
        f"{rule.passes} of {rule.attempts} must{why}{waived}",
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


def relevant(
    records: Sequence[Record], release: str, check: str, environment: str, rule: Promotion
) -> tuple[view.Evidence, ...]:
    """The attempts at `check` that count for the entry of `release` into `environment`.

    Gathered in `from` itself (upgrade and bootstrap also in copies of it), or in a throwaway copy
    made for this edge; upgrade over exactly what `environment` runs, bootstrap over nothing.
    Rollback is rehearsed on a copy of `environment` alone: what moves depends on its roles. What
    the gate found is about the release's content, wherever that goes. A copy by another provider
    than the environment's own counts if the rule names that provider.
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
        elif check == ROLLBACK:
            fits = for_edge and entry.over == over
        elif check == BOOTSTRAP:
            fits = (there or for_edge) and entry.over is None
        else:
            fits = (there and not entry.copy) or (for_edge and rule.source is None)
        by_others = entry.copy and entry.provider is not None and entry.provider not in rule.copies
        if fits and not by_others and entry.result != Result.NOT_APPLICABLE:
            found.append(entry)
    return tuple(found)
