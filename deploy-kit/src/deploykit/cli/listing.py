"""`deploy-kit env list` and `env status`: what is up."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import click
from rich.table import Table
from rich.text import Text

from deploykit.base.printable import one_line
from deploykit.cli.app import (
    json_option,
    print_json,
    provider_option,
    readable_environments,
    site_of,
    stdout,
)
from deploykit.providers import NodeState, Provider, instances_up, provider_for, resolve_instance
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance


@click.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """What is up, and which environments there are."""
    site = site_of(ctx)
    environments = readable_environments(site)
    there = instances_up(site)
    names = dict.fromkeys([*map(Instance, environments), *there])
    rows = [_row(name, there, environments) for name in names]
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    table = Table(
        "instance", "nodes up", "memory", "release", "purpose", "owner", "since", box=None
    )
    for row in rows:
        release = row.tags.get("release", "")[:19]
        more = [one_line(row.tags.get(key, "")) for key in ("purpose", "owner", "created")]
        up_now = f"{row.running} of {row.nodes}"
        table.add_row(row.instance, up_now, _mib(row.memory), release, *more)
    stdout().print(table)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `env list`; memory in bytes."""

    instance: str
    running: int
    nodes: int
    memory: int
    tags: dict[str, str]


def _row(
    name: Instance, there: dict[Instance, Provider], environments: dict[str, Environment]
) -> Row:
    environment = environments.get(name.environment)
    tags = there[name].tags(name) if name in there else {}
    nodes = there[name].status(environment, name) if environment and name in there else []
    return Row(
        instance=str(name),
        running=sum(node.state == NodeState.RUNNING for node in nodes),
        nodes=len(environment.nodes) if environment else 0,
        memory=sum(node.memory for node in nodes),
        tags=tags,
    )


@click.command()
@click.argument("instance")
@provider_option
@json_option
@click.pass_context
def status(ctx: click.Context, instance: str, provider: str | None, as_json: bool) -> int:
    """The nodes of one environment. Exit status 1 if one is not running."""
    site = site_of(ctx)
    environment, resolved = resolve_instance(site, instance, provider)
    nodes = provider_for(site, environment).status(environment, resolved)
    by_name = {node.name: environment.addresses(node) for node in environment.nodes}
    if as_json:
        print_json([{"name": n.name, "roles": n.roles, "state": n.state, "address": n.address,
                     "addresses": by_name[n.name], "memory": n.memory} for n in nodes])  # fmt: skip
    else:
        networks = [net.name for net in environment.networks]
        table = Table("node", "state", "roles", "uplink", *networks, "memory", box=None)
        for node in nodes:
            state = Text(node.state, style="" if node.state == NodeState.RUNNING else "red")
            addresses = [by_name[node.name][net] for net in networks]
            roles = ", ".join(node.roles)
            table.add_row(node.name, state, roles, node.address, *addresses, _mib(node.memory))
        stdout().print(table)
    return 0 if all(node.state == NodeState.RUNNING for node in nodes) else 1


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB" if size else ""
