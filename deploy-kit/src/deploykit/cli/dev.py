"""`deploy-kit dev`: the working copy on a development environment."""

from __future__ import annotations

import time

import click

from deploykit.base.printable import one_line
from deploykit.cli.app import provider_option, stdout, work_of
from deploykit.site import Site


@click.group()
def dev() -> None:
    """Develop the content: what is edited here runs there in seconds."""


@dev.command()
@click.argument("role", required=False)
@click.option("--environment", "named", help="Default: the one development environment that is up.")
@provider_option
@click.pass_context
def apply(ctx: click.Context, role: str | None, named: str | None, provider: str | None) -> int:
    """Apply the working copy's states where ROLE is (default: everything, everywhere).

    Shows what changed. Exit status 1 where a state failed. Only for environments that no train
    passes; what is deployed there stays what it is.

    \b
    deploy-kit dev apply identity
    deploy-kit dev apply network --environment dev
    """
    from deploykit.develop.working_copy import apply as run
    from deploykit.develop.working_copy import demand_development
    from deploykit.providers import resolve_instance

    began = time.monotonic()
    with work_of(ctx, "dev") as work:
        name = named or only_one_up(work.site, provider)
        environment, instance = resolve_instance(work.site, name, provider)
        demand_development(work.site, environment)
        applied = run(work, work.inventory(environment, instance), role)
    for change in applied.changes:
        _tell(change.minion, change.state, change.told, "green")
    for failure in applied.failures:
        _tell(failure.minion, failure.state, failure.told, "red")
    click.echo(
        f"{applied.states} states, {len(applied.changes)} changed, {len(applied.failures)} failed; "
        f"{time.monotonic() - began:.1f} s"
    )
    return 1 if applied.failures else 0


def only_one_up(site: Site, provider: str | None) -> str:
    """The name of the one development instance that is up. Raises InputError if not one is."""
    from deploykit.base.errors import InputError
    from deploykit.develop.working_copy import development
    from deploykit.providers import instances_up, resolve_instance

    names = development(site)
    up = [str(one) for one in instances_up(site) if one.environment in names]
    if provider is not None:
        up = [name for name in up if resolve_instance(site, name)[0].provider == provider]
    if len(up) == 1:
        return up[0]
    known = ", ".join(up or names) or "none"
    raise InputError(
        "which environment?", f"{'up' if up else 'for development'} are: {known}; --environment ENV"
    )


def _tell(minion: str, state: str, told: str, colour: str) -> None:
    from rich.text import Text

    title = Text(f"{one_line(minion)}: {one_line(state)}", style=f"{colour} bold")
    stdout().print(title, soft_wrap=True)
    for line in told.splitlines():
        click.echo(f"    {line}")
