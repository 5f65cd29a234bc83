"""`deploy-kit bugs`: which release mends a bug, and where that runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import json_option, print_json, site_of

if TYPE_CHECKING:
    from deploykit.bugs import Step

TELL = "tell"


@click.command()
@click.argument("bug", metavar="BUG|tell")
@json_option
@click.pass_context
def bugs(ctx: click.Context, bug: str, as_json: bool) -> int:
    """Say which release has what mends BUG, and where it runs.

    By the lines Closes-Bug, Partial-Bug and Related-Bug of the commits between releases. Exit
    status 1 if no release has it. `tell` tells the trackers of site.yml what they do not know yet.

    \b
    deploy-kit bugs 1572495
    deploy-kit bugs tell
    """
    from deploykit.bugs import everything, find
    from deploykit.bugs.history import steps
    from deploykit.cli.ledger import ledger_of
    from deploykit.ledger.view import running

    site, records = site_of(ctx), ledger_of(ctx).known
    now = {name: running(records, name) for name in site.read_environments().environments}
    runs = {name: found.version for name, found in now.items() if found is not None}
    known = steps(site)
    _warn(known)
    if bug == TELL:
        from deploykit.bugs.telling import notices, tell
        from deploykit.bugs.trackers import trackers

        sent, failed = tell(site.state / "bugs", trackers(site), notices(everything(known, runs)))
        click.echo(f"told {sent}")
        for line in failed:
            click.echo(f"not told: {line}", err=True)
        return 1 if failed else 0
    found = find(bug, known, runs)
    if as_json:
        print_json([asdict(one) for one in found])
        return 0 if found else 1
    for one in found:
        where = f"runs in {', '.join(one.environments)}" if one.environments else "runs nowhere"
        click.echo(f"{one.since} {one.mention.relation} it; {where}")
        book = one.mention.book or "."
        click.echo(f"  {book} {one.mention.commit[:12]}  {one.mention.subject}")
    if not found:
        click.echo(f"no release says that it has to do with bug {bug}")
    return 0 if found else 1


def _warn(known: list[Step]) -> None:
    for step in known:
        for book in step.unknown:
            click.echo(
                f"warning: what {step.version} mends in {book or '.'} is not known: "
                "the commit before is not in its repository any more",
                err=True,
            )
