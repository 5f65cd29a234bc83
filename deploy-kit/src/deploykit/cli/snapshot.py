"""`deploy-kit env snapshot` and `restore`: a region for development, kept and brought back."""

from __future__ import annotations

import re

import click

from deploykit.base.errors import InputError, Refused
from deploykit.base.progress import Progress, Shown
from deploykit.cli.app import provider_option, site_of, stderr, yes_option
from deploykit.cli.confirm import confirm
from deploykit.develop.working_copy import demand_development
from deploykit.providers import Snapshots, names_with, provider_for, resolve_instance
from deploykit.site import Site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance

SAVED = "saved"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
name_option = click.option(
    "--name", default=SAVED, show_default=True, help="Of several, which. a-z, 0-9 and '-'."
)


@click.command()
@click.argument("instance")
@name_option
@provider_option
@click.pass_context
def snapshot(ctx: click.Context, instance: str, name: str, provider: str | None) -> None:
    """Keep the nodes of a development environment as they are, to come back to.

    They stop for it, and start again. An older snapshot of that name is replaced.

    \b
    deploy-kit env snapshot minimal --provider lxd
    deploy-kit env restore minimal --provider lxd
    """
    keeper, environment, resolved = _demand_keeper(site_of(ctx), instance, provider, name)
    progress = Shown(stderr())
    keeper.save(resolved, name, progress)
    _start(keeper, environment, resolved, progress)


@click.command()
@click.argument("instance")
@name_option
@provider_option
@yes_option
@click.pass_context
def restore(ctx: click.Context, instance: str, name: str, provider: str | None, yes: bool) -> None:
    """Bring the nodes of a development environment back to a snapshot.

    What they hold now is lost.
    """
    site = site_of(ctx)
    keeper, environment, resolved = _demand_keeper(site, instance, provider, name)
    confirm(site, [resolved], yes, (), f"makes the nodes of {resolved} what they were")
    progress = Shown(stderr())
    keeper.bring_back(resolved, name, progress)
    _start(keeper, environment, resolved, progress)


def _demand_keeper(
    site: Site, instance: str, provider: str | None, name: str
) -> tuple[Snapshots, Environment, Instance]:
    if not NAME.fullmatch(name):
        raise InputError(f"'{name}' is no name of a snapshot", "a-z, 0-9 and '-', at most 31")
    environment, resolved = resolve_instance(site, instance, provider)
    demand_development(site, environment)
    keeper = provider_for(site, environment)
    if not isinstance(keeper, Snapshots):
        raise Refused(
            f"the provider {environment.provider} keeps no snapshots",
            "\n".join(
                f"'--provider {name}' makes another instance of {environment.name}, which has them"
                for name in names_with(Snapshots)
            ),
        )
    if resolved not in keeper.instances():
        raise Refused(f"{resolved} is not up", f"'deploy-kit env up {resolved}' brings it up")
    return keeper, environment, resolved


def _start(
    keeper: Snapshots, environment: Environment, instance: Instance, progress: Progress
) -> None:
    purpose = keeper.tags(instance).get("purpose", "dev")
    keeper.up(environment, instance, {"purpose": purpose}, progress)
