"""`deploy-kit env`: bring the nodes of environments up and down, and reach them."""

from __future__ import annotations

import click

from deploykit.base.errors import InputError
from deploykit.base.parallel import in_parallel
from deploykit.base.progress import Shown
from deploykit.cli.app import mean_option, provider_option, site_of, stderr, stdout, yes_option
from deploykit.cli.confirm import confirm
from deploykit.cli.listing import list_, status
from deploykit.cli.maintain import evacuate, maintain, reboot
from deploykit.cli.node import remove, replace
from deploykit.cli.reach import forward, ssh, ssh_config
from deploykit.cli.snapshot import restore, snapshot
from deploykit.providers import (
    Orphans,
    Provider,
    hosts_of,
    instances_up,
    parse_instance,
    provider_for,
    providers,
    resolve_instance,
)
from deploykit.site import Site
from deploykit.site.environment import Environment, chain
from deploykit.site.instance import Instance


@click.group()
def env() -> None:
    """Environments and their nodes."""


for command in (list_, status, ssh, ssh_config, forward, snapshot, restore):
    env.add_command(command)
for command in (remove, replace, maintain, evacuate, reboot):
    env.add_command(command)


@env.command()
@click.argument("environments", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every environment that the train passes.")
@click.option("--purpose", default="train", show_default=True, help="Tag: what the nodes are for.")
@provider_option
@click.pass_context
def up(
    ctx: click.Context,
    environments: tuple[str, ...],
    every: bool,
    purpose: str,
    provider: str | None,
) -> None:
    """Bring nodes up: what is missing is made, what is stopped is started."""
    site = site_of(ctx)
    names = list(environments)
    if every:
        known = site.environments()
        names = [environment.name for environment in chain(known)] or list(known)
    if not names:
        raise InputError(
            "which environment?", f"name one of {', '.join(site.environments())}, or --all"
        )
    resolved = [resolve_instance(site, name, provider) for name in names]
    bring_up(site, {instance: environment for environment, instance in resolved}, purpose)


def bring_up(site: Site, wanted: dict[Instance, Environment], purpose: str) -> None:
    """Bring the instances `wanted` up, side by side. Every failure is told, not just the first."""
    progress = Shown(stderr())

    def bring_one_up(instance: Instance) -> None:
        environment = wanted[instance]
        provider_for(site, environment).up(environment, instance, {"purpose": purpose}, progress)

    in_parallel(wanted, bring_one_up)


@env.command()
@click.argument("instances", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Everything this site has brought up.")
@provider_option
@mean_option
@yes_option
@click.pass_context
def down(
    ctx: click.Context,
    instances: tuple[str, ...],
    every: bool,
    provider: str | None,
    yes_i_mean: tuple[str, ...],
    yes: bool,
) -> None:
    """Destroy the nodes of environments, or of copies (NAME~COPY), and all they hold."""
    site = site_of(ctx)
    there = instances_up(site)
    # What is up may go even where its file is gone.
    wanted = [
        asked
        if provider is None and (asked := parse_instance(name)) in there
        else resolve_instance(site, name, provider)[1]
        for name in instances
    ]
    names = list(there) if every else list(dict.fromkeys(wanted))
    if not names and not every:
        raise InputError(
            "which environment?", f"up are: {', '.join(map(str, there)) or 'none'}; or --all"
        )
    confirm(site, [name for name in names if name in there], yes, yes_i_mean)
    if not names:
        stdout().print("nothing is up")
        return
    take_down({name: there.get(name) or _provider(site, name) for name in names})


def take_down(wanted: dict[Instance, Provider]) -> None:
    """Destroy the instances `wanted`, side by side. Every failure is told, not just the first."""
    progress = Shown(stderr())
    in_parallel(wanted, lambda name: wanted[name].down(name, progress))


@env.command()
@click.argument("instance")
@provider_option
@mean_option
@yes_option
@click.pass_context
def rebuild(
    ctx: click.Context,
    instance: str,
    provider: str | None,
    yes_i_mean: tuple[str, ...],
    yes: bool,
) -> None:
    """Destroy the nodes of an environment and make them anew, bare."""
    site = site_of(ctx)
    environment, name = resolve_instance(site, instance, provider)
    maker = provider_for(site, environment)
    tags = maker.tags(name) if name in maker.instances() else {}
    confirm(site, [name], yes, yes_i_mean)
    take_down({name: maker})
    bring_up(site, {name: environment}, tags.get("purpose", "train"))


def _provider(site: Site, instance: Instance) -> Provider:
    return provider_for(site, resolve_instance(site, str(instance))[0])


@env.command()
@mean_option
@yes_option
def prune(yes_i_mean: tuple[str, ...], yes: bool) -> None:
    """Take down what belongs to checkouts that are no longer on this machine.

    A checkout that was only moved is this machine's again when it is moved back. A protected
    environment goes only by name, that of its project.
    """
    hosts = [host for host in hosts_of(list(providers())) if isinstance(host, Orphans)]
    orphaned = {orphan: host for host in hosts for orphan in host.orphans()}
    if not orphaned:
        stdout().print("nothing to take down")
        return
    going = [orphan for orphan in orphaned if not orphan.protected or orphan.name in yes_i_mean]
    for orphan in orphaned:
        text = f"{orphan.instance} of {orphan.folder}, which is gone"
        if orphan not in going:
            text += f"; protected, so it stays: --yes-i-mean {orphan.name}"
        stdout().print(text, soft_wrap=True)
    stdout().print(
        "A folder that was only moved: move it back, and all of it is that site's again",
        soft_wrap=True,
    )
    if not going:
        return
    if not yes:
        names = ", ".join(orphan.name for orphan in going)
        click.confirm(f"Take down {names}?", abort=True, err=True)
    progress = Shown(stderr())
    for orphan in going:
        with progress.step(f"{orphan.name}: down"):
            orphaned[orphan].remove_orphan(orphan)
