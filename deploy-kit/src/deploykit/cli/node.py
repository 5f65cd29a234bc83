"""`deploy-kit env remove` and `replace`: single nodes of an environment."""

from __future__ import annotations

import click

from deploykit.base.errors import InputError, Refused
from deploykit.base.progress import Progress, Shown
from deploykit.cli.app import mean_option, provider_option, site_of, stderr, stdout, yes_option
from deploykit.cli.confirm import confirm
from deploykit.cli.reach import demand_node
from deploykit.nodes.inventory import Inventory
from deploykit.providers import Provider, SingleNodes, provider_for, resolve_instance
from deploykit.providers.common import known_hosts

PROBE_SECONDS = 5.0


@click.command()
@click.argument("instance")
@click.argument("node")
@provider_option
@mean_option
@yes_option
@click.pass_context
def remove(
    ctx: click.Context,
    instance: str,
    node: str,
    provider: str | None,
    yes_i_mean: tuple[str, ...],
    yes: bool,
) -> None:
    """Take NODE, which the environment's file has no longer, down, and what is known of it out.

    Nova must have no instance on it. Its key, pillar and rights go with the next deployment.
    """
    site = site_of(ctx)
    environment, name = resolve_instance(site, instance, provider)
    if any(node == known.name for known in environment.nodes):
        raise InputError(
            f"{environment.file}: {node} still is a node of {name}",
            "take it out of the file first: else the next 'env up' makes it again",
        )
    maker = provider_for(site, environment)
    inventory = maker.inventory(environment, name)
    demand_node(name, node, known_hosts(inventory.folder))
    confirm(site, [name], yes, yes_i_mean, f"takes {node} down for good")
    progress = Shown(stderr())
    _depart(maker, inventory, node, progress)
    stdout().print(
        f"its key, pillar and rights go with the next deployment: deploy-kit deploy VERSION {name}",
        soft_wrap=True,
    )


@click.command()
@click.argument("instance")
@click.argument("node")
@provider_option
@mean_option
@yes_option
@click.pass_context
def replace(
    ctx: click.Context,
    instance: str,
    node: str,
    provider: str | None,
    yes_i_mean: tuple[str, ...],
    yes: bool,
) -> None:
    """Make NODE anew, bare, under the same name and addresses.

    Nova must have no instance on it. It is a part of the region again with the next deployment.
    """
    site = site_of(ctx)
    environment, name = resolve_instance(site, instance, provider)
    demand_node(name, node, (known.name for known in environment.nodes))
    maker = provider_for(site, environment)
    tags = maker.tags(name)
    inventory = maker.inventory(environment, name)
    confirm(site, [name], yes, yes_i_mean, f"makes {node} anew")
    progress = Shown(stderr())
    _depart(maker, inventory, node, progress)
    maker.up(environment, name, {"purpose": tags.get("purpose", "train")}, progress)
    stdout().print(
        f"{node} is bare; what runs there comes to it by: deploy-kit deploy VERSION {name}",
        soft_wrap=True,
    )


def _depart(provider: Provider, inventory: Inventory, node: str, progress: Progress) -> None:
    """Ask whether it may go, take it down, and have the region forget it, in this order: what
    still runs would report itself again."""
    from deploykit.nodes.ssh import greeting
    from deploykit.rollout.departure import demand_may_go, forget

    demand_may_go(inventory, node)
    if isinstance(provider, SingleNodes):
        provider.drop(inventory.instance, node, progress)
    elif greeting(known_hosts(inventory.folder)[node].ssh_address, PROBE_SECONDS):
        raise Refused(
            f"{node} runs, and the provider of {inventory.instance} takes no single node down",
            "switch it off, then run this again",
        )
    for record in forget(inventory, node):
        stdout().print(f"forgotten: {record}", soft_wrap=True)
