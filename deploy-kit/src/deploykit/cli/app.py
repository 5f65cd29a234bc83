"""What every command needs: the site it works on and where it prints."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploykit.base.console import stderr as stderr
from deploykit.base.console import stdout as stdout
from deploykit.site import Site, find_site, open_site, secure_state

if TYPE_CHECKING:
    from deploykit.base.progress import Progress
    from deploykit.rollout.work import Work
    from deploykit.site.environment import Environment


def site_of(ctx: click.Context) -> Site:
    """The site of this call: --site, DEPLOY_KIT_SITE, or the checkout one stands in."""
    given = ctx.find_root().obj
    site = open_site(given if isinstance(given, Path) else find_site(Path.cwd().resolve()))
    secure_state(site)
    return site


def readable_environments(site: Site) -> dict[str, Environment]:
    """The site's environments; each file that cannot be read is told, and stops nothing else."""
    tell_unreadable(site)
    return site.read_environments().environments


def tell_unreadable(site: Site) -> None:
    """Say which files of the site's environments cannot be read, and why."""
    for error in site.read_environments().broken.values():
        click.echo(f"left out: {error.message}", err=True)


def print_json(value: Any) -> None:
    """Print `value` for machines: whole, with nothing in it that a terminal would act on."""
    # json escapes what is not plain ASCII, so it goes to the stream behind, which cuts no line.
    stream = getattr(sys.stdout, "rich_proxied_file", sys.stdout)
    click.echo(json.dumps(value, indent=2, sort_keys=True), file=stream)


key_option = click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Sign with this SSH key, or the site's own of this role. Default: $DEPLOY_KIT_KEY, else "
    "the site's own of the role that is needed.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
why_option = click.option("--reason", required=True, help="Why; it stays in the ledger.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
mean_option = click.option(
    "--yes-i-mean", multiple=True, metavar="NAME", help="For a protected environment."
)
sealed_file_option = click.option(
    "--to",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Default: a new file in the state folder.",
)
recipient_option = click.option(
    "--recipient",
    "named",
    multiple=True,
    metavar="KEY",
    help="Who can open it: an SSH or age public key, or its file. Default: custodians.",
)
provider_option = click.option(
    "--provider",
    metavar="NAME",
    help="Nodes made by this provider: an instance of its own beside the file's own provider's.",
)


def shown_progress() -> Progress:
    """Progress on standard error, for what is long once in a while."""
    from deploykit.base.progress import Shown

    return Shown(stderr())


@contextlib.contextmanager
def work_of(ctx: click.Context, command: str) -> Iterator[Work]:
    """What this call works with: site, progress, logs, and sessions with masters.

    If it fails with a fault that a signature knows, the error says so.
    """
    from deploykit.base.errors import DeployKitError
    from deploykit.rollout.work import working

    work: Work | None = None
    try:
        with working(site_of(ctx), shown_progress(), command) as work:
            yield work
    except DeployKitError as error:
        if work is not None:
            from deploykit.evidence.diagnosis import known_in_folder

            faults = known_in_folder(work.site, work.logs)
            error.remedy = "\n".join(line for line in (error.remedy, *faults) if line)
        raise
