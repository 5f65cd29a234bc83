"""`deploy-kit env`: bring the nodes of environments up and down, and reach them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import click

from deploykit.cli.app import json_option, print_json, site_of, stderr, stdout, yes_option
from deploykit.errors import InputError
from deploykit.progress import Shown
from deploykit.provider import provider_for
from deploykit.site import Site


@click.group()
def env() -> None:
    """Environments and their nodes."""


def chosen(site: Site, names: tuple[str, ...], every: bool) -> list[str]:
    """The environments a call is about. Raises InputError for none and for unknown names."""
    found = site.environments()
    if every:
        return list(found)
    if not names:
        raise InputError("which environment?", f"name one of {', '.join(found)}, or --all")
    for name in names:
        site.environment(name)
    return list(names)


@env.command()
@click.argument("environments", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every environment of the site.")
@click.option("--purpose", default="train", show_default=True, help="Tag: what the nodes are for.")
@click.pass_context
def up(ctx: click.Context, environments: tuple[str, ...], every: bool, purpose: str) -> None:
    """Bring nodes up: what is missing is made, what is stopped is started."""
    site = site_of(ctx)
    progress = Shown(stderr())
    names = chosen(site, environments, every)

    def bring_up(name: str) -> None:
        environment = site.environment(name)
        provider = provider_for(site, environment)
        provider.up(environment, name, {"purpose": purpose}, progress)

    with ThreadPoolExecutor(max(1, len(names))) as pool:
        for done in [pool.submit(bring_up, name) for name in names]:
            done.result()
