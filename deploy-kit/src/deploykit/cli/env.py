"""`deploy-kit env`: bring the nodes of environments up and down, and reach them."""

from __future__ import annotations

import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import NoReturn

import click
from rich.table import Table

from deploykit.cli.app import json_option, print_json, site_of, stderr, stdout, yes_option
from deploykit.environment import Environment
from deploykit.errors import InputError, Refused
from deploykit.inventory import Host, Inventory
from deploykit.progress import Shown
from deploykit.provider import Provider, provider_for, provider_named
from deploykit.site import Site
from deploykit.yamlfile import nearest

LOAD_BALANCER = "load-balancer"
PAGE_PORT = 5000  # the identity service's, behind the load balancer


@click.group()
def env() -> None:
    """Environments and their nodes."""


@env.command()
@click.argument("environments", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every environment of the site.")
@click.option("--purpose", default="train", show_default=True, help="Tag: what the nodes are for.")
@click.pass_context
def up(ctx: click.Context, environments: tuple[str, ...], every: bool, purpose: str) -> None:
    """Bring nodes up: what is missing is made, what is stopped is started."""
    site = site_of(ctx)
    progress = Shown(stderr())
    names = list(site.environments()) if every else list(environments)
    if not names:
        raise InputError(
            "which environment?", f"name one of {', '.join(site.environments())}, or --all"
        )
    wanted = [site.environment(name) for name in dict.fromkeys(names)]

    def bring_up(environment: Environment) -> None:
        tags = {"purpose": purpose}
        provider_for(site, environment).up(environment, environment.name, tags, progress)

    with ThreadPoolExecutor(len(wanted)) as pool:
        for done in [pool.submit(bring_up, environment) for environment in wanted]:
            done.result()


@env.command()
@click.argument("instances", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Everything this site has brought up.")
@click.option("--yes-i-mean", multiple=True, metavar="NAME", help="For a protected environment.")
@yes_option
@click.pass_context
def down(
    ctx: click.Context,
    instances: tuple[str, ...],
    every: bool,
    yes_i_mean: tuple[str, ...],
    yes: bool,
) -> None:
    """Destroy the nodes of environments, or of copies (NAME~COPY), and all they hold."""
    site = site_of(ctx)
    there = standing(site)
    names = list(there) if every else list(dict.fromkeys(instances))
    if not names and not every:
        raise InputError("which environment?", f"up are: {', '.join(there) or 'none'}; or --all")
    for name in names:
        if name not in there:
            site.environment(name.partition("~")[0])
    confirm(site, [name for name in names if name in there], yes, yes_i_mean)
    progress = Shown(stderr())
    if not names:
        stdout().print("nothing is up")
        return
    with ThreadPoolExecutor(len(names)) as pool:
        running = [
            pool.submit((there.get(name) or _provider(site, name)).down, name, progress)
            for name in names
        ]
        for done in running:
            done.result()


def confirm(site: Site, names: list[str], yes: bool, meant: tuple[str, ...]) -> None:
    """Ask before destroying. Raises Refused without a clear yes, Abort on a no."""
    environments = site.environments()
    asks = sys.stdin.isatty()
    for name in names:
        environment = environments.get(name)
        if environment is None or not environment.protected or name in meant:
            continue
        if not asks:
            raise Refused(f"{name} is protected", f"say it by name: --yes-i-mean {name}")
        typed = click.prompt(f"{name} is protected. Its name, to destroy it", default="", err=True)
        if typed != name:
            raise Refused(f"{name} is protected and stays")
    if not names or yes or set(names) <= set(meant):
        return
    what = f"this destroys the nodes of {', '.join(names)} and all they hold"
    if not asks:
        raise Refused(what, "say so: --yes")
    click.confirm(f"{what[0].upper()}{what[1:]}. Go on?", abort=True, err=True)


def standing(site: Site) -> dict[str, Provider]:
    """Every instance that this site has brought up, copies included, with its provider."""
    kinds = dict.fromkeys(["lxd", *(one.provider for one in site.environments().values())])
    found: dict[str, Provider] = {}
    for kind in kinds:
        provider = provider_named(site, kind)
        found.update(dict.fromkeys(provider.instances(), provider))
    return found


def _provider(site: Site, instance: str) -> Provider:
    return provider_for(site, site.environment(instance.partition("~")[0]))


@env.command()
@yes_option
def prune(yes: bool) -> None:
    """Take down what belongs to checkouts that are no longer on this machine."""
    from deploykit.host.lxd import Lxd
    from deploykit.provider.lxd_instance import orphans, remove_instance

    lxd = Lxd()
    found = orphans(lxd)
    if not found:
        stdout().print("nothing to take down")
        return
    for one in found:
        stdout().print(f"{one.names.instance} of {one.folder}, which is gone", soft_wrap=True)
    if not yes:
        click.confirm("Take them down?", abort=True, err=True)
    progress = Shown(stderr())
    for one in found:
        with progress.step(f"{one.names.project}: down"):
            remove_instance(lxd, one.names)


@env.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """What is up, and which environments there are."""
    site = site_of(ctx)
    environments = site.environments()
    there = standing(site)
    rows = [_row(name, there, environments) for name in dict.fromkeys([*environments, *there])]
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    table = Table(
        "instance", "nodes up", "memory", "release", "purpose", "owner", "since", box=None
    )
    for row in rows:
        release = row.tags.get("release", "")[:19]
        more = [row.tags.get(key, "") for key in ("purpose", "owner", "created")]
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


def _row(name: str, there: dict[str, Provider], environments: dict[str, Environment]) -> Row:
    environment = environments.get(name.partition("~")[0])
    tags = there[name].tags(name) if name in there else {}
    nodes = there[name].status(environment, name) if environment and name in there else []
    return Row(
        instance=name,
        running=sum(node.state == "running" for node in nodes),
        nodes=len(environment.nodes) if environment else 0,
        memory=sum(node.memory for node in nodes),
        tags=tags,
    )


@env.command()
@click.argument("instance")
@json_option
@click.pass_context
def status(ctx: click.Context, instance: str, as_json: bool) -> int:
    """The nodes of one environment. Exit status 1 where one is not running."""
    site = site_of(ctx)
    environment = site.environment(instance.partition("~")[0])
    nodes = provider_for(site, environment).status(environment, instance)
    by_name = {node.name: environment.addresses(node) for node in environment.nodes}
    if as_json:
        print_json([{"name": n.name, "roles": n.roles, "state": n.state, "address": n.address,
                     "addresses": by_name[n.name], "memory": n.memory} for n in nodes])  # fmt: skip
    else:
        networks = [net.name for net in environment.networks]
        table = Table("node", "state", "roles", "uplink", *networks, "memory", box=None)
        for node in nodes:
            state = node.state if node.state == "running" else f"[red]{node.state}[/red]"
            addresses = [by_name[node.name][net] for net in networks]
            roles = ", ".join(node.roles)
            table.add_row(node.name, state, roles, node.address, *addresses, _mib(node.memory))
        stdout().print(table)
    return 0 if all(node.state == "running" for node in nodes) else 1


@env.command(context_settings={"ignore_unknown_options": True})
@click.argument("instance")
@click.argument("node", required=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def ssh(ctx: click.Context, instance: str, node: str | None, words: tuple[str, ...]) -> None:
    """A shell on a node (default: the master), or a command there."""
    inventory = _inventory(site_of(ctx), instance)
    host = _host(inventory, node) if node else inventory.master
    _become(["ssh", "-F", str(inventory.ssh_config), host.name, *words])


@env.command("ssh-config")
@click.argument("instance")
@click.option("--path", is_flag=True, help="Print where the file is: ssh -F $(... --path) NODE.")
@click.pass_context
def ssh_config(ctx: click.Context, instance: str, path: bool) -> None:
    """The ssh_config of an environment, for ssh, scp, Ansible and editors."""
    inventory = _inventory(site_of(ctx), instance)
    text = inventory.ssh_config.read_text(encoding="utf-8")
    click.echo(str(inventory.ssh_config) if path else text, nl=path)


@env.command()
@click.argument("instance")
@click.option("--node", help="Default: the first load balancer.")
@click.option("--port", default=PAGE_PORT, show_default=True, help="Port on the node.")
@click.option("--local", type=int, help="Port here. Default: the same, or one that is free.")
@click.pass_context
def forward(
    ctx: click.Context, instance: str, node: str | None, port: int, local: int | None
) -> None:
    """Reach an environment's pages from this machine, until interrupted."""
    inventory = _inventory(site_of(ctx), instance)
    doors = inventory.environment.with_role(LOAD_BALANCER) or inventory.environment.nodes
    host = _host(inventory, node or doors[0].name)
    address = next(iter(host.addresses.values()))
    here = local or free_port(port)
    stdout().print(f"https://127.0.0.1:{here}/ is {host.name} of {instance}; Ctrl-C ends it")
    _become(
        ["ssh", "-F", str(inventory.ssh_config), "-N", "-o", "ControlPath=none",
         "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{here}:{address}:{port}", host.name]
    )  # fmt: skip


def free_port(wanted: int) -> int:
    """`wanted` where nobody listens on it here, else one that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise InputError("no port is free", "name one with --local")


def _inventory(site: Site, instance: str) -> Inventory:
    environment = site.environment(instance.partition("~")[0])
    return provider_for(site, environment).inventory(environment, instance)


def _host(inventory: Inventory, name: str) -> Host:
    names = [host.name for host in inventory.hosts]
    if name not in names:
        raise InputError(
            f"{inventory.instance} has no node '{name}'", nearest(name, frozenset(names))
        )
    return inventory.host(name)


def _become(words: list[str]) -> NoReturn:
    sys.stdout.flush()
    os.execvp(words[0], words)  # noqa: S606 (the terminal is handed over)


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB" if size else ""
