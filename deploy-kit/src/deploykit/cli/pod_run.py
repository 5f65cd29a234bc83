"""`deploy-kit pod run`: suites on copies of a pod, side by side."""

from __future__ import annotations

import getpass
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from deploykit.base import times
from deploykit.base.errors import InputError
from deploykit.base.printable import one_line
from deploykit.cli.app import json_option, print_json, site_of, stdout, work_of

if TYPE_CHECKING:
    from deploykit.pods import Pod
    from deploykit.pods.creation import Order
    from deploykit.pods.suites import SuiteRun, Suites
    from deploykit.rollout.work import Work

MOST_AT_ONCE = 50  # pods of one call


@click.command("run")
@click.argument("name", metavar="POD")
@click.argument("suites", nargs=-1, required=True, metavar="SUITE...")
@click.option(
    "--split",
    "copies",
    default=1,
    type=click.IntRange(1, MOST_AT_ONCE),
    show_default=True,
    help="How many copies run them side by side.",
)
@click.option(
    "--run",
    "command",
    default="pytest",
    show_default=True,
    metavar="COMMAND",
    help="What runs a suite: these words, and the suite behind them.",
)
@click.option(
    "--timeout", default="1h", show_default=True, help="The longest that a suite may take."
)
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for a log and JUnit XML of each suite. Default: in the logs of this call.",
)
@json_option
@click.pass_context
def run_suites(ctx: click.Context, /, name: str, as_json: bool, **asked: Any) -> None:
    """Run suites on copies of POD, dealt by what they took the last time; one result for all.

    A copy is made as POD was: the same nodes at the same release. A suite is what pytest takes
    (a file, a folder, FILE::TEST) and meets every node through testinfra, or whatever COMMAND
    takes: that gets the nodes by its environment (DEPLOY_KIT_POD, DEPLOY_KIT_SSH_CONFIG). The
    copies go afterwards, POD stays. Exit status 1 if any suite failed.

    \b
    deploy-kit pod run try --split 3 -- tests/test_login.py tests/test_images.py
    deploy-kit pod run try --split 2 --run "sh -c" -- "make load" "make smoke"
    """
    from deploykit.pods.listing import find_pod, pods_up
    from deploykit.pods.splitting import run_split

    pod = find_pod(pods_up(site_of(ctx)), name)
    with work_of(ctx, "pod") as work:
        suites = _suites(asked, work.logs)
        runs = run_split(work, _copies_of(ctx, work, pod, asked["copies"]), suites)
    passed = all(run.passed for run in runs)
    if as_json:
        print_json({"passed": passed, "suites": [_run_json(run) for run in runs]})
    else:
        _print_runs(runs)
    ctx.exit(0 if passed else 1)


def _suites(asked: dict[str, Any], logs: Path) -> Suites:
    """Raises InputError for a command without words, or what is no duration."""
    from deploykit.pods.suites import Suites

    command = tuple(shlex.split(asked["command"]))
    if not command:
        raise InputError("--run names no command", "leave it out for pytest")
    try:
        timeout = times.seconds_of(asked["timeout"])
    except ValueError as error:
        raise InputError(str(error), "write 90s, 15m, 2h or 1d") from None
    return Suites(command, asked["suites"], asked["results"] or logs / "suites", timeout)


def _copies_of(ctx: click.Context, work: Work, like: Pod, copies: int) -> Order:
    """Pods like `like`. Raises InputError if its release, or its base, is not known here."""
    from deploykit.cli.ledger import ledger_of
    from deploykit.ledger.kit_signers import kit_signers
    from deploykit.ledger.schema import SPECULATIVE
    from deploykit.pods import Wanted
    from deploykit.pods.base import base_release
    from deploykit.pods.creation import Order
    from deploykit.pods.lease import lease_end
    from deploykit.pods.splitting import split_names, split_purpose
    from deploykit.providers import resolve_instance
    from deploykit.release import find_release
    from deploykit.release.cutting import build_release

    if like.release.startswith(SPECULATIVE):
        raise InputError(
            f"{like.instance} carries {like.release}, a state of the gate whose kit is gone",
            "make one of a release: deploy-kit pod create --from ENV --release RELEASE",
        )
    provider = like.provider
    environment, _ = resolve_instance(work.site, like.instance.environment, provider or None)
    ledger = ledger_of(ctx)
    records = ledger.fetch_records()
    base = base_release(work.site, records, environment, like.base)
    over = find_release(work.site, like.release) if like.release not in ("", base.version) else None
    wanted = like.wanted
    return Order(
        environment,
        split_names(copies),
        base=build_release(work.site, ledger, base),
        wanted=Wanted(
            getpass.getuser(), split_purpose(like), lease_end(), wanted.build, wanted.change
        ),
        signers=kit_signers(records),
        over=build_release(work.site, ledger, over) if over is not None else None,
    )


def _run_json(run: SuiteRun) -> dict[str, Any]:
    return {
        "suite": run.suite,
        "pod": run.pod,
        "passed": run.passed,
        "status": run.status,
        "seconds": round(run.seconds, 3),
        "log": str(run.log),
        "junit": str(run.junit),
    }


def _print_runs(runs: list[SuiteRun]) -> None:
    table = Table("suite", "result", "seconds", "pod", "log", box=None)
    for run in runs:
        result = "passed" if run.passed else f"failed ({run.status})"
        texts = (run.suite, result, f"{run.seconds:.0f}", run.pod, str(run.log))
        table.add_row(*map(one_line, texts))
    stdout().print(table)
