"""`deploy-kit ledger mend`, `end-lease`, `accept` and `hook`: for a ledger that is sick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import key_option, shown_progress, site_of, why_option, yes_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploykit.ledger import Ledger


def _open(ctx: click.Context, key: Path | None) -> Ledger:
    from deploykit.ledger import Ledger
    from deploykit.site.keys import named_key

    site = site_of(ctx)
    return Ledger.open(site, named_key(site, key), progress=shown_progress)


@click.command()
@click.option("--reason", default="", help="Why; it stays in the ledger.")
@yes_option
@key_option
@click.pass_context
def mend(ctx: click.Context, reason: str, yes: bool, key: Path | None) -> None:
    """Cut off the commits that do not verify, by a signed record on the last good one; admins only.

    \b
    deploy-kit ledger mend --reason "pushed by hand from a laptop"
    """
    opened = _open(ctx, key)
    if opened.fault is not None and not yes:
        click.echo(opened.fault.message)
        last = opened.known[-1]
        click.confirm(f"Cut off everything after record {last.n}?", abort=True)
    record = opened.mend(reason)
    count = record.body["commits"]
    commits = "1 commit is" if count == 1 else f"{count} commits are"
    click.echo(f"record {record.n}: {commits} cut off")


@click.command("end-lease")
@click.argument("environment")
@why_option
@yes_option
@key_option
@click.pass_context
def end_lease(
    ctx: click.Context, environment: str, reason: str, yes: bool, key: Path | None
) -> None:
    """End the lease of the deploy that holds ENVIRONMENT; admins only.

    For one whose process is known to be gone. One that still runs is refused at its next step.
    """
    from datetime import datetime

    from deploykit.base.errors import Refused
    from deploykit.ledger.bodies import decision_body
    from deploykit.ledger.kinds import Body
    from deploykit.ledger.records import Record
    from deploykit.ledger.view import in_flight

    opened = _open(ctx, key)

    def holding(records: Sequence[Record], now: datetime | None = None) -> str:
        lease = in_flight(records, environment, now)
        if lease is None:
            raise Refused(f"nothing holds {environment}", "deploy-kit status")
        return f"{lease.purpose} of {lease.version}, by {lease.owner}"

    def decide(records: Sequence[Record], now: datetime) -> Body:
        holding(records, now)
        return decision_body("end-lease", environment=environment, reason=reason)

    if not yes:
        click.confirm(f"End the lease of the {holding(opened.known)}?", abort=True)
    record = opened.append(decide)
    click.echo(f"record {record.n}: the lease of {environment} has ended")


@click.command()
@click.argument("genesis", metavar="COMMIT")
@yes_option
@click.pass_context
def accept(ctx: click.Context, genesis: str, yes: bool) -> None:
    """Trust the ledger and the name that site.yml has now, on this machine.

    COMMIT is the whole id that the ledger begins with, as `deploy-kit ledger verify` shows it on a
    machine that knows the ledger: compare, do not copy it from the message that refused.
    """
    from deploykit.ledger.remote import accept_ledger

    site = site_of(ctx)
    if not yes:
        click.confirm(
            f"Trust {site.ledger} as the ledger of {site.name}, from its first record on?",
            abort=True,
        )
    accept_ledger(site, genesis)
    click.echo(f"{site.name} trusts the ledger that began with {genesis[:12]}")


@click.command()
@click.argument("repository", type=click.Path(exists=True, file_okay=False, path_type=Path))
def hook(repository: Path) -> None:
    """Have the ledger's bare REPOSITORY refuse what does not verify: writes its pre-receive hook.

    To be run on the machine that serves the repository.
    """
    from deploykit.ledger.hook import install, remember

    file = install(repository.resolve())
    with shown_progress().step("what is there, verified"):
        remember(repository.resolve())
    click.echo(f"{file} verifies every push to the ledger")
