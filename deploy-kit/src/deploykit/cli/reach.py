"""`deploy-kit env ssh`, `ssh-config` and `forward`: reaching the nodes of an environment."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable
from typing import NoReturn

import click

from deploykit.base.errors import InputError
from deploykit.base.yamlfile import nearest
from deploykit.cli.app import provider_option, site_of, stdout
from deploykit.nodes.inventory import Host, Inventory
from deploykit.providers import provider_for, resolve_instance
from deploykit.site import Site
from deploykit.site.instance import Instance

LOAD_BALANCER = "load-balancer"
PAGE_PORT = 5000  # the identity service's, behind the load balancer


@click.command(context_settings={"ignore_unknown_options": True})
@provider_option
@click.argument("instance")
@click.argument("node", required=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def ssh(
    ctx: click.Context,
    instance: str,
    node: str | None,
    words: tuple[str, ...],
    provider: str | None,
) -> None:
    """A shell on a node (default: the master), or a command there."""
    inventory = inventory_of(site_of(ctx), instance, provider)
    host = host_of(inventory, node) if node else inventory.master
    _become(["ssh", "-F", str(inventory.ssh_config), host.name, *words])


@click.command("ssh-config")
@click.argument("instance")
@click.option("--path", is_flag=True, help="Print where the file is: ssh -F $(... --path) NODE.")
@provider_option
@click.pass_context
def ssh_config(ctx: click.Context, instance: str, path: bool, provider: str | None) -> None:
    """The ssh_config of an environment, for ssh, scp, Ansible and editors."""
    inventory = inventory_of(site_of(ctx), instance, provider)
    text = inventory.ssh_config.read_text(encoding="utf-8")
    click.echo(str(inventory.ssh_config) if path else text, nl=path)


@click.command()
@click.argument("instance")
@click.option("--node", help="Default: the first load balancer.")
@click.option("--port", default=PAGE_PORT, show_default=True, help="Port on the node.")
@click.option("--local", type=int, help="Port here. Default: the same, or one that is free.")
@provider_option
@click.pass_context
def forward(
    ctx: click.Context,
    instance: str,
    node: str | None,
    port: int,
    local: int | None,
    provider: str | None,
) -> None:
    """Reach an environment's pages from this machine, until interrupted."""
    inventory = inventory_of(site_of(ctx), instance, provider)
    doors = inventory.environment.with_role(LOAD_BALANCER) or inventory.environment.nodes
    host = host_of(inventory, node or doors[0].name)
    address = next(iter(host.addresses.values()))
    here = local or free_port(port)
    stdout().print(f"https://127.0.0.1:{here}/ is {host.name} of {instance}; Ctrl-C ends it")
    _become(
        ["ssh", "-F", str(inventory.ssh_config), "-N", "-o", "ControlPath=none",
         "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{here}:{address}:{port}", host.name]
    )  # fmt: skip


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens on it here, else one that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise InputError("no port is free", "name one with --local")


def inventory_of(site: Site, named: str, provider: str | None = None) -> Inventory:
    """The nodes of the instance that a person named. Raises DeployKitError if it is not up."""
    environment, instance = resolve_instance(site, named, provider)
    return provider_for(site, environment).inventory(environment, instance)


def host_of(inventory: Inventory, name: str) -> Host:
    """The node `name`. Raises InputError naming the nearest if there is none."""
    demand_node(inventory.instance, name, (host.name for host in inventory.hosts))
    return inventory.host(name)


def demand_node(instance: Instance, name: str, names: Iterable[str]) -> None:
    """Raise InputError with the nearest of `names`, the nodes there, if `name` is none of them."""
    known = frozenset(names)
    if name not in known:
        raise InputError(f"{instance} has no node '{name}'", nearest(name, known))


def _become(words: list[str]) -> NoReturn:
    sys.stdout.flush()
    os.execvp(words[0], words)  # noqa: S606 (the terminal is handed over)
