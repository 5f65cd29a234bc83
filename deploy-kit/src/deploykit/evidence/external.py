"""Evidence of tests that no train runs: an operator's own suites, told by their results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from deploykit.base import times
from deploykit.base.errors import InputError, Refused
from deploykit.checks import FAILED, PASSED, Outcome, Packages, check_names
from deploykit.evidence import Finding, body_of
from deploykit.evidence.junit import Results
from deploykit.ledger import Ledger, utc_now, view
from deploykit.ledger.chain import SKEW
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase
from deploykit.site.promotion import CHECK, CHECK_REMEDY


def add(
    ledger: Ledger,
    check: str,
    environment: str,
    results: Results,
    look: Callable[[], Packages],
) -> Record:
    """Record `results` as evidence of `check` for the release that `environment` runs.

    `look` gives the package versions per role; it is asked once all else is known to be right.
    Raises InputError where `check` is a train's own, Refused where the results are not about what
    runs there, or are on record already.
    """
    demand_outside(check)
    outcome = outcome_of(results)

    def decide(records: Sequence[Record], now: datetime, packages: Packages) -> Body:
        runs = tested(records, environment, results, now)
        again = known(records, check, environment, runs.digest, results)
        if again is not None:
            raise Refused(
                f"{results.file}: these results are in the ledger already, as record {again}",
                "every attempt counts once; another one is another run of the tests",
            )
        found = Outcome(outcome.result, outcome.summary, packages)
        return body_of(Finding(check, runs, None, environment, found, results.seconds), records)

    decide(ledger.known, utc_now(), {})
    packages = look()
    return ledger.append(lambda records, now: decide(records, now, packages))


def demand_outside(check: str) -> None:
    """Raise InputError where evidence of `check` is not for anybody to add."""
    if not CHECK.fullmatch(check):
        raise InputError(f"'{check}' is not the name of a check", CHECK_REMEDY)
    if check in check_names():
        raise InputError(
            f"'{check}' is a check that the train runs itself",
            f"deploy-kit train; results of other tests need a name of their own, not "
            f"{', '.join(sorted(check_names()))}",
        )


def outcome_of(results: Results) -> Outcome:
    """Passed where something ran and nothing failed; in words, with the first failures by name."""
    ran = results.tests - results.skipped
    bad = results.failures + results.errors
    counts = (
        (results.passed, "passed"),
        (results.failures, "failed"),
        (results.errors, "broken off"),
        (results.skipped, "skipped"),
    )
    tests = "1 test" if results.tests == 1 else f"{results.tests} tests"
    told = f"{tests}: {', '.join(f'{count} {word}' for count, word in counts if count)}"
    if bad:
        more = bad - len(results.broken)
        names = [*results.broken, *([f"{more} more"] if more > 0 else [])]
        told += f"; {', '.join(names)}"
    elif ran <= 0:
        told += "; no test ran"
    passed = ran > 0 and not bad
    return Outcome(PASSED if passed else FAILED, f"{told}; {_mark(results)}", {})


def tested(
    records: Sequence[Record], environment: str, results: Results, now: datetime
) -> view.Running:
    """The release that `environment` ran while the tests ran, and still does.

    Raises Refused where nothing runs there, where a deployment is under way or did not end well,
    and where one ended after the tests began: then they saw something else.
    """
    runs = view.running(records, environment)
    if runs is None:
        raise Refused(
            f"nothing was deployed in {environment}, so there is no release that was tested there",
            f"deploy-kit deploy latest {environment}",
        )
    last = view.last_attempt(records, environment)
    assert last is not None  # something runs there
    if last.phase != Phase.FINISHED:
        how = "failed" if last.phase == Phase.FAILED else "was not finished"
        when = times.human(last.told)
        raise Refused(
            f"the last deployment in {environment} {how} ({last.version}, {when}): "
            "what its nodes run is no release",
            f"deploy-kit deploy {last.version} {environment}, then run the tests again",
        )
    began = f"{results.file}: its tests began at {_began(results)}"
    if min(results.began, results.written) < last.told:
        raise Refused(
            f"{began}, but {last.version} was deployed in {environment} until "
            f"{times.human(last.told)}: they are not about what runs there now",
            "run the tests again, and add what they write then",
        )
    if results.began > now + SKEW:
        raise Refused(
            f"{began}, which is yet to come",
            "set the clock of the machine that ran them right, and run them again",
        )
    return runs


def known(
    records: Sequence[Record], check: str, environment: str, release: str, results: Results
) -> int | None:
    """The record that holds the very same results already."""
    for entry in view.evidence(records, release=release, environment=environment, check=check):
        if entry.summary.endswith(_mark(results)):
            return entry.n
    return None


def _mark(results: Results) -> str:
    """What tells one file of results from every other."""
    return f"sha256 {results.digest[:16]}"


def _began(results: Results) -> str:
    """When the tests began, and who says so."""
    began = times.human(results.began)
    if not results.stamped:
        return f"{began} (when it was written, less the time that they took)"
    return f"{began} by its own word, and it was written at {times.human(results.written)}"
