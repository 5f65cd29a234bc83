"""`deploy-kit logs`: what runs said, and whether somebody knows the fault."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import json_option, print_json, site_of
from deploykit.cli.logs_care import add, export, iso_of, prune, since_option, store_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from deploykit.evidence.diagnosis import Count, Diagnosis
    from deploykit.logs.index import IndexEntry
    from deploykit.logs.runs import Log, Run
    from deploykit.site import Site

LINES = 3  # shown of each log that a search finds


@click.group()
def logs() -> None:
    """What runs said: search, known faults, export, retention.

    Logs of calls are kept here, with secrets masked; `add` keeps those of other jobs.

    \b
    deploy-kit logs search timed out         which runs say so, the newest first
    deploy-kit logs diagnose                 the newest run that failed: known or new?
    deploy-kit logs signatures               which faults are known, how often they were seen
    """


logs.add_command(add)
logs.add_command(export)
logs.add_command(prune)


@logs.command("list")
@since_option
@click.option("--failed", is_flag=True, help="Only runs that failed.")
@json_option
@click.pass_context
def list_(ctx: click.Context, since: datetime | None, failed: bool, as_json: bool) -> None:
    """The runs whose logs are kept, the oldest first."""
    from deploykit.logs.runs import Ending

    runs = [
        entry
        for entry in store_of(site_of(ctx)).runs(iso_of(since))
        if not failed or entry.run.ending is Ending.FAILED
    ]
    if as_json:
        print_json(
            [{**entry.run.as_json(), "size": entry.size, "stored": entry.stored} for entry in runs]
        )
    else:
        _print_runs(runs)


@logs.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--most", default=20, show_default=True, type=click.IntRange(1, 1000),
              help="At most so many logs.")  # fmt: skip
@json_option
@click.pass_context
def search(ctx: click.Context, words: tuple[str, ...], most: int, as_json: bool) -> int:
    """The newest logs that hold all of WORDS, and lines with most of them. `word*` is a beginning.

    Exit status 1 if there is none.
    """
    from deploykit.logs.search import search as find

    hits = find(store_of(site_of(ctx)), " ".join(words), most, LINES)
    if as_json:
        print_json(
            [
                {"run": hit.run.as_json(), "log": hit.log,
                 "lines": [{"line": n, "text": text} for n, text in hit.lines]}
                for hit in hits
            ]
        )  # fmt: skip
    for hit in () if as_json else hits:
        click.echo(f"{hit.run.id} ({hit.run.ending}) {hit.log}")
        for number, text in hit.lines:
            click.echo(f"  {number}: {text}")
    if not hits and not as_json:
        click.echo("no log holds these words", err=True)
    return 0 if hits else 1


@logs.command()
@click.argument("run")
@click.argument("log", required=False)
@click.pass_context
def show(ctx: click.Context, run: str, log: str | None) -> None:
    """The logs of RUN as they are kept, or one of them."""
    from deploykit.base.errors import InputError

    kept_run, texts = store_of(site_of(ctx)).read(run)
    chosen = [kept_log for kept_log in texts if log in (None, kept_log.name)]
    if log is not None and not chosen:
        names = ", ".join(kept_log.name for kept_log in texts)
        raise InputError(f"the run {run} has no log '{log}'", f"it has {names or 'none'}")
    error = f": {kept_run.error}" if kept_run.error else ""
    click.echo(f"{kept_run.id}: {kept_run.ending}{error}")
    for kept_log in chosen:
        click.echo(f"==> {kept_log.name} <==\n{kept_log.text}", nl=not kept_log.text.endswith("\n"))


@logs.command()
@click.argument("what", nargs=-1, metavar="[RUN | FILE…]")
@json_option
@click.pass_context
def diagnose(ctx: click.Context, what: tuple[str, ...], as_json: bool) -> int:
    """Whether what failed is a known fault. Without RUN or FILE: the newest run that failed.

    Exit status 1 if no signature explains it.
    """
    from deploykit.evidence.diagnosis import diagnose as read
    from deploykit.logs.signatures import signatures_of

    site = site_of(ctx)
    name, texts = _logs_named(site, what)
    diagnosis = read(texts, signatures_of(site))
    if as_json:
        print_json({"of": name, "known": diagnosis.known, "sightings": _sightings(diagnosis)})
    else:
        click.echo(name)
        for line in diagnosis.lines():
            click.echo(f"  {line}")
    return 0 if diagnosis.known else 1


@logs.command()
@json_option
@click.pass_context
def signatures(ctx: click.Context, as_json: bool) -> int:
    """The signatures in force, in how many runs each was seen, and what nobody explains yet.

    Also how often changes were tested again because of which bug (`recheck bug NNN`).

    Exit status 1 if one is too broad: more than a tenth of the runs that passed show it.
    """
    from deploykit.evidence.diagnosis import figures_of
    from deploykit.logs.rechecks import Rechecks
    from deploykit.logs.signatures import signatures_of

    site = site_of(ctx)
    figures = figures_of(store_of(site), signatures_of(site))
    rechecks = Rechecks(site.runs).counts()
    if as_json:
        counts = [_count_json(count) for count in figures.counts]
        print_json({"signatures": counts, "failed": figures.failed,
                    "unexplained": figures.unexplained, "rate": figures.rate,
                    "rechecks": rechecks})  # fmt: skip
    else:
        _print_counts(figures.counts)
        percent = f"{100 * figures.rate:.0f} %"
        click.echo(
            f"unexplained: {figures.unexplained} of {figures.failed} failed runs ({percent})"
        )
        for bug, times in rechecks.items():
            click.echo(f"run again because of bug {bug}: {times}")
        for count in figures.broad:
            click.echo(
                f"too broad: {count.signature.name} ({count.signature.place}): {count.share}"
            )
    return 1 if figures.broad else 0


def _logs_named(site: Site, what: Sequence[str]) -> tuple[str, list[Log]]:
    """What a person calls by run or files: a name for it, and its logs.

    Raises InputError if it is neither.
    """
    from deploykit.base.errors import InputError
    from deploykit.logs.runs import Ending, read_log

    if what and all(Path(name).is_file() for name in what):
        return ", ".join(what), [read_log(Path(name)) for name in what]
    store = store_of(site)
    if len(what) > 1:
        missing = next(name for name in what if not Path(name).is_file())
        raise InputError(f"there is no file '{missing}'", "name one run, or files")
    if what:
        run, texts = store.read(what[0])
        return _title(run), texts
    failed = [entry.run.id for entry in store.runs() if entry.run.ending is Ending.FAILED]
    if not failed:
        raise InputError("no run that is kept failed", "name a run or files")
    run, texts = store.read(failed[-1])
    return _title(run), texts


def _title(run: Run) -> str:
    return f"{run.id} ({run.ending}){f': {run.error}' if run.error else ''}"


def _sightings(diagnosis: Diagnosis) -> list[dict[str, object]]:
    return [
        {
            "signature": sighting.found.signature.name,
            "bug": sighting.found.signature.bug,
            "tags": list(sighting.found.signature.tags),
            "told": sighting.found.told,
            "log": sighting.log,
            "line": sighting.found.number,
            "text": sighting.found.text,
        }
        for sighting in diagnosis.sightings
    ]


def _print_runs(runs: Sequence[IndexEntry]) -> None:
    from rich.table import Table

    from deploykit.base import times
    from deploykit.base.console import for_tables

    table = Table("run", "ended", "result", "size", "error", box=None)
    for entry in runs:
        run = entry.run
        table.add_row(
            run.id,
            times.human(run.ended),
            run.ending,
            f"{entry.size / 1000:.0f} kB",
            run.error[:200],
        )
    for_tables().print(table)


def _print_counts(counts: Sequence[Count]) -> None:
    from rich.table import Table

    from deploykit.base.console import for_tables

    table = Table("signature", "failed", "passed", "bug", "tags", box=None)
    for count in counts:
        signature = count.signature
        table.add_row(
            signature.name,
            str(count.failed),
            str(count.passed),
            signature.bug,
            ", ".join(signature.tags),
        )
    for_tables().print(table)


def _count_json(count: Count) -> dict[str, object]:
    signature = count.signature
    return {
        "name": signature.name,
        "bug": signature.bug,
        "tags": list(signature.tags),
        "place": signature.place,
        "failed": count.failed,
        "passed": count.passed,
        "passing": count.passing,
        "too_broad": count.broad,
    }
