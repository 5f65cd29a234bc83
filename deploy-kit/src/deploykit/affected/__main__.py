"""`python -m deploykit.affected`: which suites a change asks for, and CI itself.

python -m deploykit.affected changed REF    the suites that the change since REF asks for
python -m deploykit.affected due            the suites that are due here, and why
python -m deploykit.affected ci             make test, then what is due and fits (.ci/run)
python -m deploykit.affected all            make test and every suite (make test-all)
python -m deploykit.affected run NAME...    those suites, recorded as CI would
python -m deploykit.affected core           the suites of the kitchen that make test runs
python -m deploykit.affected times          the recorded times as a table (docs/benchmarks.md)
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from deploykit.affected.checkout import Checkout, open_checkout, passes_file
from deploykit.affected.ci import TEST, Ci, minutes
from deploykit.affected.passes import Passes, Record
from deploykit.affected.plan import expected
from deploykit.affected.suites import KITCHEN
from deploykit.base.errors import DeployKitError, InputError

BUDGET, LIMIT = 60, 90  # minutes
FOREVER = 24 * 60


def main(words: list[str]) -> int:
    given = arguments(words)
    try:
        checkout = open_checkout(given.checkout.resolve())
        passes = Passes(passes_file(checkout.folder))
        if given.act == "changed":
            return changed(checkout, *given.words or ["HEAD~1"])
        if given.act == "core":
            suites = [suite for suite in checkout.table.suites if suite.core and suite.in_kitchen]
            print(*(suite.name.removeprefix(KITCHEN) for suite in suites))
            return 0
        if given.act == "times":
            print(times(checkout, passes.read()))
            return 0
        limit = LIMIT if given.act == "ci" else FOREVER
        began = time.monotonic() - (time.time() - given.began if given.began else 0)
        ci = Ci(checkout, passes, given.budget * 60, limit * 60, began, tell)
        if given.act == "due":
            for due in ci.due():
                print(f"{due.suite.name}: {due.why} (about {minutes(due.seconds)})")
            return 0
        if given.act == "run":
            return ci.named(given.words)
        return ci.whole() if given.act == "ci" else ci.every()
    except DeployKitError as error:
        print(f"error: {error.message}\n{error.remedy}".rstrip(), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; what passed so far is recorded", file=sys.stderr)
        return 130


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deploykit.affected",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("act", choices=("changed", "due", "ci", "all", "run", "core", "times"))
    parser.add_argument("words", nargs="*", metavar="REF|NAME")
    parser.add_argument("--checkout", type=Path, default=Path(), metavar="DIR")
    parser.add_argument(
        "--began", type=float, metavar="SECONDS", help="when CI began, since the epoch"
    )
    parser.add_argument(
        "--budget", type=float, default=BUDGET, metavar="MINUTES", help=f"for all of CI ({BUDGET})"
    )
    given = parser.parse_args(words)
    most = {"changed": 1, "run": len(given.words)}.get(given.act, 0)
    if len(given.words) > most or (given.act == "run" and not given.words):
        parser.error(f"wrong number of words for {given.act}")
    return given


def tell(line: str) -> None:
    print(line, flush=True)


def changed(checkout: Checkout, reference: str) -> int:
    affected = checkout.affected_since(reference)
    if affected is None:
        raise InputError(f"there is no commit '{reference}' in {checkout.folder}")
    for name, about in affected.suites.items():
        print(f"{name}: {'its own subject' if about else 'what it stands on'} changed")
    return 0


def times(checkout: Checkout, records: dict[str, Record]) -> str:
    """Every suite with what it is planned with and what its last runs took, as Markdown."""
    rows = ["| suite | planned with | last runs, s |", "| --- | --- | --- |"]
    whole = records.get(TEST, Record())
    rows.append(f"| `make test` | | {seconds(whole)} |")
    for suite in checkout.table.suites:
        record = records.get(suite.name, Record())
        rows.append(f"| {suite.name} | {minutes(expected(suite, record))} | {seconds(record)} |")
    return "\n".join(rows)


def seconds(record: Record) -> str:
    return ", ".join(f"{took:.0f}" for took in record.seconds) or "–"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
