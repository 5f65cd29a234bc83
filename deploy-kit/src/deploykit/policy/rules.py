"""The rules of policy: what stands against a release's entry, one function each. No I/O.

A new rule is a function in one of these modules and its name in one of the lists at the end.
"""

from __future__ import annotations

from collections.abc import Callable

from deploykit.base import times
from deploykit.ledger import view
from deploykit.ledger.schema import Phase
from deploykit.policy.approvals import approvals
from deploykit.policy.case import SOURCE_UNSETTLED, Case, Reason
from deploykit.policy.proof import checks
from deploykit.policy.restrictions import (
    compromised,
    in_flight,
    on_hold,
    pinned,
    ran_before,
    speculative,
    vetoed,
)
from deploykit.policy.timing import frozen, soak


def source(case: Case) -> list[Reason]:
    """The release must be what `from` runs, by a last deploy that went well."""
    source, version = case.rule.source, case.release.version
    if source is None:
        return []
    last = view.last_attempt(case.records, source)
    first = f"deploy-kit promote {version} {source}"
    if last is None:
        return [Reason("not-in-source", f"{source} runs nothing yet", first)]
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


Rule = Callable[[Case], list[Reason]]
ALWAYS: tuple[Rule, ...] = (speculative, compromised, vetoed, on_hold, pinned, in_flight)
# A release that runs there already needs none of these to be deployed once more.
ENTRY: tuple[Rule, ...] = (source, frozen, soak, approvals, checks)
RETURN: tuple[Rule, ...] = (ran_before,)


def entry_rules(case: Case) -> tuple[Rule, ...]:
    """The rules that an entry is asked about, in their order."""
    return ALWAYS if case.over == case.release.digest else (*ALWAYS, *ENTRY)
