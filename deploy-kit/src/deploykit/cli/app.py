"""What every command needs: the site it works on and where it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from deploykit.site import Site, find_site, open_site


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
