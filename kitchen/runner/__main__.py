"""`python -m runner`, from kitchen/: run suites, all or some, and say what came out."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from deploykit.affected.checkout import open_checkout
from deploykit.affected.suites import KITCHEN
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.process import run
from rich.console import Console

from . import nodes
from .report import Outcome, table, write
from .running import Molecules, step, test, test_all
from .suites import CHECKOUT, Suite, load

STEPS = ("create", "converge", "idempotence", "verify", "side-effect", "check", "login", "destroy")
RELEASES = "deploy-kit/releases"


def changed_suites(reference: str | None) -> list[str]:
    """The suites that the change since `reference` asks for, up to the working copy.

    Without one: since the commit that cut the last release, and if none was committed, since the
    commit before this one.
    """
    if reference is None:
        last = _git("log", "-1", "--format=%H", "--", RELEASES).strip()
        reference = last or "HEAD~1"
    affected = open_checkout(CHECKOUT).affected_since(reference)
    if affected is None:
        raise InputError(f"there is no commit '{reference}' in {CHECKOUT}")
    return [name.removeprefix(KITCHEN) for name in affected.suites if name.startswith(KITCHEN)]


def _git(*words: str) -> str:
    return run(["git", "-C", str(CHECKOUT), *words], timeout=60).stdout


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m runner", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="default: all")
    parser.add_argument("--list", action="store_true", help="only name the suites")
    parser.add_argument("--changed", action="store_true", help="those that a change asks for")
    parser.add_argument("--since", metavar="REF", help="what changed since REF (with --changed)")
    parser.add_argument("--step", choices=STEPS, help="one step of one suite; its nodes stay")
    parser.add_argument("--jobs", type=int, default=2, help="suites at once (default: 2)")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML to FILE")
    return parser.parse_args(words)


def chosen_suites(options: argparse.Namespace, suites: dict[str, Suite]) -> list[Suite]:
    """The suites that the command line asks for. Raises InputError for a name that is none."""
    for name in options.suites:
        if name not in suites:
            raise InputError(f"there is no suite '{name}'", f"there are: {', '.join(suites)}")
    names = options.suites or list(suites)
    if options.changed or options.since:
        names = changed_suites(options.since)
    return [suites[name] for name in names]


def main(words: list[str]) -> int:
    options = arguments(words)
    out, err = Console(width=None if sys.stdout.isatty() else 120), Console(stderr=True)
    try:
        chosen = chosen_suites(options, load())
        if options.list:
            out.print("\n".join(suite.name for suite in chosen), highlight=False)
            return 0
        site = nodes.site()
        if options.step:
            if len(chosen) != 1:
                raise InputError("--step takes exactly one suite")
            return step(options.step, chosen[0], site)

        def report(outcome: Outcome) -> None:
            mark = "✓" if outcome.passed else "✗"
            line = f"{mark} {outcome.suite} {outcome.failed_step} {outcome.seconds:.0f} s"
            err.print(line, highlight=False)

        molecules = Molecules()
        # Whoever ends this ends the suites, and their nodes go.
        signal.signal(signal.SIGTERM, lambda *_: molecules.stop())
        signal.signal(signal.SIGINT, lambda *_: molecules.stop())
        outcomes = test_all(
            chosen, max(1, options.jobs), report, lambda suite: test(suite, site, molecules)
        )
    except DeployKitError as error:
        err.print(f"error: {error.message}\n{error.remedy}".rstrip(), markup=False)
        return 2 if isinstance(error, InputError) else 1
    for outcome in outcomes:
        if not outcome.passed:
            headline = (
                f"{outcome.suite}: {outcome.failed_step} failed. The whole log: {outcome.log}"
            )
            err.print(f"\n{headline}\n{outcome.output}", markup=False, highlight=False)
    out.print(table(outcomes))
    if options.junit:
        write(outcomes, options.junit)
    return int(not all(outcome.passed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
