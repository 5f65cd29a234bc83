"""`deploy-kit vagrant`: what the Vagrantfile calls. Nobody needs to type these."""

from __future__ import annotations

from pathlib import Path

import click

from deploykit.base.filelock import locked
from deploykit.base.progress import Shown
from deploykit.cli.app import print_json, site_of, stderr, work_of
from deploykit.providers.vagrant.plan import PROVIDER

LOCK_TIMEOUT = 3600.0  # seconds: as long as another converging may take
provider_option = click.option("--provider", default="lxc", help="Vagrant's own provider.")


@click.group(hidden=True)
def vagrant() -> None:
    """What vagrant/Vagrantfile calls; 'vagrant up' there does it all."""


@vagrant.command()
@click.argument("environment")
@click.pass_context
def topology(ctx: click.Context, environment: str) -> None:
    """The environment as the Vagrantfile takes it, as JSON."""
    from deploykit.providers.vagrant.box import box_of
    from deploykit.providers.vagrant.plan import topology as plan
    from deploykit.site.provisioning import key_in_force

    site = site_of(ctx)
    env = site.environment(environment).with_provider(PROVIDER)
    key = Path(f"{key_in_force(site, env.instance)}.pub").read_text(encoding="utf-8").strip()
    print_json(plan(site.id, env, box_of(site, env.installed), key))


@vagrant.command()
@click.argument("environment")
@provider_option
@click.pass_context
def prepare(ctx: click.Context, environment: str, provider: str) -> None:
    """Room, bridges and box, before nodes start."""
    from deploykit.providers.vagrant import VagrantProvider

    site = site_of(ctx)
    VagrantProvider(site).prepare(
        site.environment(environment).with_provider(PROVIDER), provider, Shown(stderr())
    )


@vagrant.command()
@click.argument("environment")
@provider_option
@click.pass_context
def converge(ctx: click.Context, environment: str, provider: str) -> None:
    """Day 0, the working copy's content and its smoke test, on nodes that are up."""
    from deploykit.develop.converge import converge as run
    from deploykit.develop.converge import directions
    from deploykit.providers.vagrant import VagrantProvider

    with work_of(ctx, "vagrant") as work:
        env = work.site.environment(environment).with_provider(PROVIDER)
        with locked(work.site.state / "locks" / f"{env.instance}.converge", LOCK_TIMEOUT):
            with work.progress.step(f"{env.instance}: SSH to {len(env.nodes)} nodes"):
                inventory = VagrantProvider(work.site).learn(env, provider)
            run(work, inventory)
        click.echo(directions(inventory))


@vagrant.command()
@click.argument("environment")
@click.pass_context
def forget(ctx: click.Context, environment: str) -> None:
    """Clear what was made for nodes that were destroyed."""
    from deploykit.providers.vagrant import VagrantProvider

    site = site_of(ctx)
    VagrantProvider(site).forget(site.environment(environment).with_provider(PROVIDER))
