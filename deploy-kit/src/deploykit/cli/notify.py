"""`deploy-kit notify`: people told of what the ledger records, by mail and by other ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import json_option, print_json, site_of, stderr

if TYPE_CHECKING:
    from deploykit.ledger import Ledger
    from deploykit.notify.delivery import Delivery
    from deploykit.notify.standing import Standing


@click.group()
def notify() -> None:
    """Notifications: who is told of what the ledger records (site.yml: `notify`).

    \b
    deploy-kit notify test duty          does it work?
    deploy-kit notify run                tell everybody, until interrupted
    deploy-kit notify list               who was told what, and what waits
    """


@notify.command()
@click.option(
    "--every",
    type=click.FloatRange(0.1, 3600),
    default=20.0,
    show_default=True,
    help="Seconds between two looks at the ledger.",
)
@click.pass_context
def run(ctx: click.Context, every: float) -> None:
    """Tell the sinks what comes, until interrupted.

    One that was killed goes on where it was. A sink that is new hears of what comes from then on.
    One that is away is tried again, less and less often, for three days, and keeps nobody else
    waiting.

    \b
    deploy-kit notify run
    """
    from deploykit.checks import check_names
    from deploykit.notify.loop import follow

    with _deliveries(ctx) as (ledger, deliveries):
        click.echo(f"telling {', '.join(delivery.sink.name for delivery in deliveries)}", err=True)
        follow(ledger, deliveries, check_names(), click.echo, every=every)


@notify.command()
@click.pass_context
def once(ctx: click.Context) -> int:
    """Tell the sinks what waits, and end: for a timer.

    Exit status 1 if something still waits.

    \b
    deploy-kit notify once
    """
    from deploykit.checks import check_names
    from deploykit.notify.loop import tell_once

    with _deliveries(ctx) as (ledger, deliveries):
        return 0 if tell_once(ledger, deliveries, check_names()) else 1


@notify.command()
@click.argument("sink")
@click.pass_context
def test(ctx: click.Context, sink: str) -> None:
    """Send a test to SINK, and say whether it was taken.

    \b
    deploy-kit notify test duty
    """
    from deploykit.base.printable import one_line
    from deploykit.base.progress import Shown
    from deploykit.base.times import utc_now
    from deploykit.notify.messages import trial_message
    from deploykit.notify.sinks import sink_named

    site = site_of(ctx)
    named = sink_named(site, sink)
    with Shown(stderr()).step(f"telling {named.notifier.address}"):
        note = named.send(trial_message(site.name, named.name, utc_now()))
    click.echo(f"{sink}: sent" + (f" ({one_line(note)})" if note else ""))


@notify.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the sinks: what each hears of, what it heard last, what waits."""
    from deploykit.base.times import utc_now
    from deploykit.checks import check_names
    from deploykit.cli.ledger import ledger_of
    from deploykit.notify.sinks import sinks_of
    from deploykit.notify.standing import standings_of

    site = site_of(ctx)
    sinks = sinks_of(site)
    standings = []
    if sinks:
        records = ledger_of(ctx).known
        standings = standings_of(site, sinks, records, utc_now(), check_names())
    if as_json:
        print_json([standing.as_json() for standing in standings])
    elif not sinks:
        click.echo(f"nobody is told: {site.folder / 'site.yml'} has no 'notify'")
    else:
        _print_standings(standings)


@contextmanager
def _deliveries(ctx: click.Context) -> Iterator[tuple[Ledger, list[Delivery]]]:
    """The ledger, and a delivery for each sink, for the only one who tells them on this machine."""
    from deploykit.base.errors import InputError
    from deploykit.base.filelock import only_one
    from deploykit.cli.ledger import ledger_of
    from deploykit.notify.delivery import deliveries_of, state_folder
    from deploykit.notify.sinks import sinks_of

    site = site_of(ctx)
    sinks = sinks_of(site)
    if not sinks:
        raise InputError(
            f"nobody is to be told: {site.folder / 'site.yml'} has no 'notify'",
            "docs/notify.md shows one",
        )
    with only_one(state_folder(site) / ".lock", "'notify'"):
        ledger = ledger_of(ctx)
        yield ledger, deliveries_of(site, sinks, ledger.known, click.echo)


def _print_standings(standings: Sequence[Standing]) -> None:
    from rich.table import Table
    from rich.text import Text

    from deploykit.base.console import for_tables
    from deploykit.base.printable import one_line
    from deploykit.base.times import human

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Sink", "Tells", "Of", "Last (UTC)", "Waiting"):
        table.add_column(title, overflow="fold", no_wrap=title == "Sink")
    for standing in standings:
        state = standing.state
        last = human(state.last_sent) if state and state.last_sent else "nothing yet"
        pending = str(len(standing.pending)) if state else "not begun"
        address = standing.sink.notifier.address
        cells = (standing.sink.name, address, standing.about, last, pending)
        table.add_row(*(Text(one_line(cell)) for cell in cells))
    for_tables().print(table)
    for standing in standings:
        if standing.state is not None and standing.state.failing is not None:
            failing = standing.state.failing
            tries = "1 try" if failing.tries == 1 else f"{failing.tries} tries"
            since = f"since {human(failing.since)}, {tries}"
            click.echo(f"{standing.sink.name} fails {since}: {failing.reason}")
