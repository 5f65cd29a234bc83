"""`deploy-kit database`: the backups of an environment's database, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploykit.base import times
from deploykit.cli.app import (
    json_option,
    mean_option,
    print_json,
    provider_option,
    recipient_option,
    sealed_file_option,
    stdout,
    work_of,
    yes_option,
)

if TYPE_CHECKING:
    from deploykit.master.facade import KeptBackup, NodeBackups


@click.group()
def database() -> None:
    """The database of an environment: its backups, and the way back to a moment."""


@database.command("list")
@click.argument("environment")
@provider_option
@json_option
@click.pass_context
def list_(ctx: click.Context, environment: str, provider: str | None, as_json: bool) -> None:
    """Show the backups of ENVIRONMENT's database, and until when each leads.

    Exit status 1 if the newest is older than the environment's setting allows.
    """
    from deploykit.care import warnings
    from deploykit.care.database import listed
    from deploykit.cli.reach import inventory_of

    with work_of(ctx, "database") as work:
        inventory = inventory_of(work.site, environment, provider)
        found, seen = listed(work, inventory)
        late = warnings(environment, seen, None, times.utc_now())
    if as_json:
        print_json(found)
    else:
        _print(found)
        for text in late:
            click.echo(f"late: {text}")
    ctx.exit(1 if late else 0)


def _print(nodes: list[NodeBackups]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("backup", "node", "leads to (UTC)", "MiB", "why"):
        table.add_column(title)
    rows: list[tuple[KeptBackup, str]] = []
    for node in nodes:
        rows += [(one, node["node"]) for one in node["backups"]]
    for one, name in sorted(rows, key=lambda row: row[0]["time"]):
        leads = times.human(datetime.fromtimestamp(one["reaches"], UTC))
        table.add_row(one["name"], name, leads, str(one["bytes"] >> 20), one["why"])
    stdout().print(table)
    for node in nodes:
        if node.get("silent"):
            click.echo(f"{node['node']}: no answer")
        copies = node.get("copies")
        if copies:
            key = copies["key"] or "a key that the first one makes"
            click.echo(f"{node['node']}: copies go to {copies['to']}, by {key}")


@database.command()
@click.argument("environment")
@click.option(
    "--reason", "why", default="by hand", show_default=True, help="Why; it stays with it."
)
@provider_option
@click.pass_context
def backup(ctx: click.Context, environment: str, why: str, provider: str | None) -> None:
    """Take a backup of ENVIRONMENT's database now, beside those of the timer."""
    from deploykit.care.database import take
    from deploykit.cli.reach import inventory_of

    with work_of(ctx, "database") as work:
        click.echo(take(work, inventory_of(work.site, environment, provider), why))


@database.command()
@click.argument("environment")
@click.option(
    "--to",
    metavar="TIME|BACKUP",
    help="2026-11-29T08:00:00Z, or a backup's name: as it was then. Default: as near to now as "
    "backups and logs lead.",
)
@provider_option
@mean_option
@yes_option
@json_option
@click.pass_context
def restore(
    ctx: click.Context,
    environment: str,
    to: str | None,
    provider: str | None,
    yes_i_mean: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Bring ENVIRONMENT's database back to a moment; what was written since is gone from it.

    \b
    deploy-kit database restore production --to 2026-11-29T08:00:00Z
    deploy-kit deploy 2026.47.1 production
    """
    from deploykit.care.database import moment
    from deploykit.care.database import restore as run
    from deploykit.cli.confirm import confirm
    from deploykit.cli.ledger import ledger_of
    from deploykit.cli.reach import inventory_of

    when = moment(to) if to else ""
    with work_of(ctx, "database") as work:
        inventory = inventory_of(work.site, environment, provider)
        nodes = ", ".join(h.name for h in inventory.hosts if "database" in h.roles)
        what = (
            f"takes from every database of {environment} (on {nodes}) what was written since "
            f"{to or 'its logs end'}"
        )
        confirm(work.site, [inventory.instance], yes, yes_i_mean, what)
        done = run(work, ledger_of(ctx), inventory, when)
    if as_json:
        print_json(done)
        return
    click.echo(f"{environment}: its database is that of {done['to']}, by backup {done['backup']}")
    click.echo(f"what was there lies on {nodes} as /var/lib/mysql.before")
    click.echo(
        f"bring accounts and schemas in line: deploy-kit deploy RELEASE {environment}, RELEASE "
        "being the one that ran then, or a later one"
    )


@database.command()
@click.argument("environment")
@sealed_file_option
@recipient_option
@provider_option
@json_option
@click.pass_context
def fetch(
    ctx: click.Context,
    environment: str,
    file: Path | None,
    named: tuple[str, ...],
    provider: str | None,
    as_json: bool,
) -> None:
    """Bring the newest backup of ENVIRONMENT's database here, encrypted before it leaves its node.

    \b
    deploy-kit database fetch production
    age -d -i KEY FILE | deploy-kit env ssh production NODE mariadb-backups take
    """
    from deploykit.care.database import fetch as run
    from deploykit.cli.ledger import ledger_of
    from deploykit.cli.reach import inventory_of
    from deploykit.secrets.sealing import named_recipient

    recipients = [named_recipient(text) for text in named]
    with work_of(ctx, "database") as work:
        inventory = inventory_of(work.site, environment, provider)
        target, names = run(work, ledger_of(ctx), inventory, file, recipients)
    if as_json:
        print_json({"file": str(target), "recipients": list(names)})
    else:
        click.echo(f"the newest backup of {environment}'s database: {target}")
        click.echo(f"who can open it: {', '.join(names)}")
