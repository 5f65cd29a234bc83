"""`deploy-kit logs add`, `export` and `prune`: runs of others, runs for others, runs that go."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import site_of, yes_option
from deploykit.cli.confirm import confirm_loss

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deploykit.logs.runs import Log, Run
    from deploykit.logs.signatures import Signature
    from deploykit.logs.store import Store
    from deploykit.site import Site

TIMES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")
AGE_MOST = 100 * 366 * 86400  # seconds
SIZE = re.compile(r"(\d+)([KMGT]?)")
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

since_option = click.option(
    "--since",
    type=click.DateTime(TIMES),
    metavar="TIME",
    help="Only runs that began then or later.",
)


@click.command()
@click.argument("name")
@click.argument(
    "file", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--failed/--passed", required=True, help="How it ended.")
@click.option("--error", default="", help="What failed, in a line.")
@click.pass_context
def add(ctx: click.Context, name: str, file: tuple[Path, ...], failed: bool, error: str) -> None:
    """Keep the logs FILE… of a job that deploy-kit did not run, as the run NAME.

    \b
    deploy-kit logs add kitchen-nova logs/nova.log --failed
    """
    from deploykit.logs.intake import take_files
    from deploykit.logs.runs import Ending

    ending = Ending.FAILED if failed else Ending.PASSED
    run = take_files(store_of(site_of(ctx)), name, file, ending, error)
    click.echo(f"kept as {run.id}")


@click.command()
@click.argument("run", nargs=-1)
@since_option
@click.option("--index", default="deploy-kit-logs", show_default=True, metavar="PREFIX",
              help="The indices' name, before the month.")  # fmt: skip
@click.pass_context
def export(ctx: click.Context, run: tuple[str, ...], since: datetime | None, index: str) -> None:
    """Print RUN… (default: all) in the bulk format of OpenSearch, with the known faults in them.

    \b
    deploy-kit logs export --since 2026-11-01 > bulk.ndjson
    curl -H 'Content-Type: application/x-ndjson' --data-binary @bulk.ndjson https://SERVER/_bulk
    """
    from deploykit.logs.bulk import demand_prefix
    from deploykit.logs.signatures import signatures_of

    site = site_of(ctx)
    demand_prefix(index)
    store, known = store_of(site), signatures_of(site)
    for id in run or [entry.run.id for entry in store.runs(iso_of(since))]:
        for line in _bulk_lines(*store.read(id), known, index):
            _write(line)


@click.command()
@click.option("--older-than", default="90d", show_default=True, metavar="TIME",
              help="Runs go that ended longer ago: 12h, 30d; 0s: none for their age.")  # fmt: skip
@click.option("--more-than", default="2G", show_default=True, metavar="SIZE",
              help="The oldest go until the rest is at most so much: 500M, 2G.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only say which.")
@yes_option
@click.pass_context
def prune(ctx: click.Context, older_than: str, more_than: str, dry_run: bool, yes: bool) -> None:
    """Take away the logs of old runs, and the oldest if all are too much. Asks."""
    from deploykit.base import times
    from deploykit.base.files import remove_tree
    from deploykit.logs.retention import going

    age = _age(older_than)
    site = site_of(ctx)
    store = store_of(site)
    goes = going(store.runs(), times.utc_now(), age, _bytes(more_than))
    if not goes:
        click.echo("nothing goes")
        return
    for run in goes:
        click.echo(f"{run.entry.run.id} ({run.entry.run.ending}): {run.why}")
    if dry_run:
        return
    confirm_loss(f"the logs of {len(goes)} runs", yes)
    for run in goes:  # a session's folder would be taken in again
        remove_tree(site.logs / run.entry.run.id)
    store.remove([run.entry.run.id for run in goes])
    click.echo(f"{len(goes)} runs are gone")


def store_of(site: Site) -> Store:
    """The site's store, with the sessions that ended in it."""
    from deploykit.logs.sessions import take_in
    from deploykit.logs.store import Store

    take_in(site)
    return Store(site.runs)


def iso_of(since: datetime | None) -> str:
    """A time that a person gave, in UTC, as the index has it; '' for none."""
    from deploykit.base import times

    return times.iso(since.replace(tzinfo=UTC)) if since else ""


def _bulk_lines(
    run: Run, texts: Sequence[Log], known: Sequence[Signature], index: str
) -> Iterator[str]:
    from deploykit.evidence.diagnosis import sightings
    from deploykit.logs.bulk import actions

    faults: dict[tuple[str, int], dict[str, str]] = {}
    for sighting in sightings(texts, known):
        signature = sighting.found.signature
        faults.setdefault(
            (sighting.log, sighting.found.number),
            {"signature": signature.name, "bug": signature.bug},
        )
    yield from actions(run, texts, faults, index)


def _write(line: str) -> None:
    """Print a line for machines, whole: json escaped what a terminal would act on."""
    getattr(sys.stdout, "rich_proxied_file", sys.stdout).write(line)


def _age(text: str) -> timedelta | None:
    """The age from which runs go; None if none does."""
    from deploykit.base import times

    try:
        seconds = times.seconds_of(text)
    except ValueError:
        seconds = AGE_MOST + 1
    if seconds > AGE_MOST:
        raise click.BadParameter(f"'{text}' is no length of time: write 12h or 30d")
    return timedelta(seconds=seconds) or None


def _bytes(text: str) -> int:
    match = SIZE.fullmatch(text)
    if not match:
        raise click.BadParameter(f"'{text}' is not a size: write 500M or 2G")
    return int(match[1]) * UNITS[match[2]]
