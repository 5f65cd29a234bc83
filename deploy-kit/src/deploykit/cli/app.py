"""What every command needs: the site it works on and where it prints."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from deploykit.site import Site, find_site, open_site

if TYPE_CHECKING:
    from deploykit.rollout.work import Work


def site_of(ctx: click.Context) -> Site:
    """The site of this call: --site, DEPLOY_KIT_SITE, or the checkout one stands in."""
    given = ctx.find_root().obj
    return open_site(given if isinstance(given, Path) else find_site(Path.cwd().resolve()))


def stdout() -> Console:
    """Where results go."""
    return Console(highlight=False)


def stderr() -> Console:
    """Where progress goes."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, sort_keys=True))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
mean_option = click.option(
    "--yes-i-mean", multiple=True, metavar="NAME", help="For a protected environment."
)
provider_option = click.option(
    "--provider",
    metavar="NAME",
    help="Nodes made by this provider: an instance of its own beside the file's own provider's.",
)


@contextlib.contextmanager
def work_of(ctx: click.Context, command: str) -> Iterator[Work]:
    """What this call works with: site, progress, logs, and sessions with masters."""
    from deploykit.base.progress import Shown
    from deploykit.rollout.work import working

    with working(site_of(ctx), Shown(stderr()), command) as work:
        yield work
