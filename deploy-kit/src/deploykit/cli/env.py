"""`deploy-kit env`: bring the nodes of environments up and down, and reach them."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import click
from rich.table import Table

from deploykit.cli.app import (
    json_option,
    mean_option,
    print_json,
    provider_option,
    site_of,
    stderr,
    stdout,
    yes_option,
)
from deploykit.cli.reach import forward, host_of, ssh, ssh_config
from deploykit.cli.snapshot import restore, snapshot
from deploykit.environment import Environment, chain
from deploykit.errors import InputError, Refused
from deploykit.progress import Shown
from deploykit.provider import Provider, located, provider_for, provider_named, providers
from deploykit.site import Site


@click.group()
def env() -> None:
    """Environments and their nodes."""


for command in (ssh, ssh_config, forward, snapshot, restore):
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
    found = [located(site, name, provider) for name in names]
    bring_up(site, {instance: environment for environment, instance in found}, purpose)


def bring_up(site: Site, wanted: dict[str, Environment], purpose: str) -> None:
    """Bring the instances `wanted` up, side by side."""
    progress = Shown(stderr())

    def one(instance: str) -> None:
        environment = wanted[instance]
        provider_for(site, environment).up(environment, instance, {"purpose": purpose}, progress)

    with ThreadPoolExecutor(len(wanted)) as pool:
        for done in [pool.submit(one, instance) for instance in wanted]:
            done.result()


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
    there = standing(site)
    # What is up may go even where its file is gone.
    wanted = [
        name if provider is None and name in there else located(site, name, provider)[1]
        for name in instances
    ]
    names = list(there) if every else list(dict.fromkeys(wanted))
    if not names and not every:
        raise InputError("which environment?", f"up are: {', '.join(there) or 'none'}; or --all")
    confirm(site, [name for name in names if name in there], yes, yes_i_mean)
    if not names:
        stdout().print("nothing is up")
        return
    take_down(site, {name: there.get(name) or _provider(site, name) for name in names})


def take_down(site: Site, wanted: dict[str, Provider]) -> None:
    """Destroy the instances `wanted`, side by side."""
    progress = Shown(stderr())
    with ThreadPoolExecutor(len(wanted)) as pool:
        running = [pool.submit(found.down, name, progress) for name, found in wanted.items()]
        for done in running:
            done.result()


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
    environment, name = located(site, instance, provider)
    found = provider_for(site, environment)
    tags = found.tags(name) if name in found.instances() else {}
    confirm(site, [name], yes, yes_i_mean)
    take_down(site, {name: found})
    bring_up(site, {name: environment}, tags.get("purpose", "train"))


@env.command()
@click.argument("instance")
@click.argument("nodes", nargs=-1)
@provider_option
@mean_option
@yes_option
@click.pass_context
def reboot(
    ctx: click.Context,
    instance: str,
    nodes: tuple[str, ...],
    provider: str | None,
    yes_i_mean: tuple[str, ...],
    yes: bool,
) -> None:
    """Reboot NODES of an environment side by side (default: all) and wait until they are back."""
    from deploykit.reboot import reboot_nodes

    site = site_of(ctx)
    environment, name = located(site, instance, provider)
    found = provider_for(site, environment)
    inventory = found.inventory(environment, name)
    hosts = [host_of(inventory, node) for node in nodes] or list(inventory.hosts)
    names = ", ".join(host.name for host in hosts)
    confirm(site, [name], yes, yes_i_mean, f"reboots {names}")
    with Shown(stderr()).step(f"{name}: {names} rebooted"):
        reboot_nodes(inventory, hosts)


def confirm(
    site: Site, names: list[str], yes: bool, meant: tuple[str, ...], what: str = ""
) -> None:
    """Ask before nodes of `names` go; `what` says in words what happens, by default their end.

    A protected environment wants its name, typed or in `meant`. Raises Refused without a clear
    yes, Abort on a no.
    """
    asks = sys.stdin.isatty()
    for name in names:
        if not _protected(site, name) or name in meant:
            continue
        if not asks:
            raise Refused(f"{name} is protected", f"say it by name: --yes-i-mean {name}")
        typed = click.prompt(f"{name} is protected. Its name, to go on", default="", err=True)
        if typed != name:
            raise Refused(f"{name} is protected and stays as it is")
    if not names or yes or set(names) <= set(meant):
        return
    told = f"this {what or 'destroys the nodes of ' + ', '.join(names) + ' and all they hold'}"
    if not asks:
        raise Refused(told, "say so: --yes")
    click.confirm(f"{told[0].upper()}{told[1:]}. Go on?", abort=True, err=True)


def _protected(site: Site, name: str) -> bool:
    """Whether it is an environment marked so; throwaway copies of one are not."""
    environments = site.environments()
    environment = environments.get(name.partition("~")[0])
    if environment is None or not environment.protected:
        return False
    environment, _ = located(site, name)
    return name == environment.instance


def standing(site: Site) -> dict[str, Provider]:
    """Every instance that this site has brought up, copies included, with its provider."""
    kinds = dict.fromkeys(["lxd", *(one.provider for one in site.environments().values())])
    found: dict[str, Provider] = {}
    for kind in kinds:
        if kind in providers():
            provider = provider_named(site, kind)
            found.update(dict.fromkeys(provider.instances(), provider))
    return found


def _provider(site: Site, instance: str) -> Provider:
    return provider_for(site, located(site, instance)[0])


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
@provider_option
@json_option
@click.pass_context
def status(ctx: click.Context, instance: str, provider: str | None, as_json: bool) -> int:
    """The nodes of one environment. Exit status 1 where one is not running."""
    site = site_of(ctx)
    environment, instance = located(site, instance, provider)
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


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB" if size else ""
