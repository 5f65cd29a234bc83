"""`deploy-kit bugs`: which release mends a bug, and where that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import json_option, print_json, site_of

if TYPE_CHECKING:
    from deploykit.bugs import Step
    from deploykit.ledger import Ledger
    from deploykit.site import Site

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
    from deploykit.bugs import find
    from deploykit.bugs.history import steps
    from deploykit.bugs.telling import tell_of_releases, versions_that_run
    from deploykit.cli.ledger import ledger_of

    site, records = site_of(ctx), ledger_of(ctx).known
    known = steps(site)
    _warn(known)
    if bug == TELL:
        sent, failed = tell_of_releases(site, records)
        click.echo(f"told {sent}")
        for line in failed:
            click.echo(f"not told: {line}", err=True)
        return 1 if failed else 0
    runs = versions_that_run(site, records)
    entries = find(bug, known, runs)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return 0 if entries else 1
    for entry in entries:
        where = f"runs in {', '.join(entry.environments)}" if entry.environments else "runs nowhere"
        click.echo(f"{entry.since} {entry.mention.relation} it; {where}")
        book = entry.mention.book or "."
        click.echo(f"  {book} {entry.mention.commit[:12]}  {entry.mention.subject}")
    if not entries:
        click.echo(f"no release says that it has to do with bug {bug}")
    return 0 if entries else 1


@contextmanager
def telling(site: Site, ledger: Ledger) -> Iterator[None]:
    """Tell the trackers afterwards, also of a train that failed on its way, what runs where."""
    try:
        yield
    except Exception:  # not who is interrupted: they want an end
        _tell(site, ledger)
        raise
    _tell(site, ledger)


def _tell(site: Site, ledger: Ledger) -> None:
    """Tell the trackers; that one cannot be told is a warning: the next call tries again."""
    from deploykit.base.errors import DeployKitError
    from deploykit.bugs.telling import tell_of_releases
    from gitshelf import GitshelfError

    try:
        failed = tell_of_releases(site, ledger.known)[1]
    except (DeployKitError, GitshelfError, OSError) as error:
        failed = [str(error)]
    for line in failed:
        click.echo(f"warning: a bug tracker was not told: {line}", err=True)


def _warn(known: list[Step]) -> None:
    for step in known:
        for book in step.unknown:
            click.echo(
                f"warning: what {step.version} mends in {book or '.'} is not known: "
                "the commit before is not in its repository any more",
                err=True,
            )
