"""`deploy-kit env maintain`, `evacuate` and `reboot`: what runs on a node goes elsewhere first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.parallel import in_parallel
from deploykit.base.times import seconds_of
from deploykit.cli.app import mean_option, provider_option, stdout, work_of, yes_option
from deploykit.cli.confirm import confirm
from deploykit.cli.ledger import ledger_of
from deploykit.cli.reach import host_of, inventory_of

if TYPE_CHECKING:
    from deploykit.base.progress import Progress
    from deploykit.care.moves import Moved
    from deploykit.nodes.inventory import Host, Inventory

LIMIT = "30m"


class Limit(click.ParamType[int]):
    """A duration, as its seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        try:
            return seconds_of(str(value))
        except ValueError:
            self.fail(f"'{value}' is no duration like 90s, 15m or 2h", param, ctx)


limit_option = click.option(
    "--limit",
    type=Limit(),
    default=LIMIT,
    show_default=True,
    help="How long it may take for one node; what is under way then is ended.",
)


@click.command()
@click.argument("instance")
@click.argument("node")
@click.option("--back", is_flag=True, help="Let instances come to NODE again.")
@limit_option
@provider_option
@mean_option
@yes_option
@click.pass_context
def maintain(
    ctx: click.Context,
    instance: str,
    node: str,
    back: bool,
    limit: int,
    provider: str | None,
    yes_i_mean: tuple[str, ...],
    yes: bool,
) -> None:
    """Empty the hypervisor NODE: nothing new comes, what is there goes elsewhere.

    What runs moves as it runs, with its disk; what is stopped is copied. What cannot move is named,
    and stays; then this ends with 1. It may be run again.

    \b
    deploy-kit env maintain production compute17 --limit 2h
    deploy-kit env maintain production compute17 --back
    """
    from deploykit.care.moves import EMPTY, demand_empty, use_again

    with work_of(ctx, "env") as work:
        inventory = inventory_of(work.site, instance, provider)
        host = host_of(inventory, node)
        if back:
            if told := use_again(inventory, host.name):
                stdout().print(told, soft_wrap=True, markup=False)
            stdout().print(f"{node} takes instances again", soft_wrap=True)
            return
        _demand_quiet(ctx, inventory)
        again = f"deploy-kit env maintain {inventory.instance} {node} --back"
        what = f"moves every instance off {node}"
        confirm(work.site, [inventory.instance], yes, yes_i_mean, what)
        found = _leave(inventory, host, EMPTY, limit, work.progress)
        demand_empty(inventory, host.name, found, f"see to these and run this again, or: {again}")
        stdout().print(
            f"{node} is empty and closed; when it is to be used again: {again}", soft_wrap=True
        )


@click.command()
@click.argument("instance")
@click.argument("node")
@limit_option
@provider_option
@mean_option
@yes_option
@click.pass_context
def evacuate(
    ctx: click.Context,
    instance: str,
    node: str,
    limit: int,
    provider: str | None,
    yes_i_mean: tuple[str, ...],
    yes: bool,
) -> None:
    """Have the instances of the dead hypervisor NODE begin anew on others.

    They keep names, addresses and volumes, and begin from their images: what was on NODE's own
    disks is lost to them. NODE must not run meanwhile. When it is back, it gives up what was
    evacuated.

    \b
    deploy-kit env evacuate production compute17
    deploy-kit env maintain production compute17 --back
    """
    from deploykit.care.moves import EVACUATE, demand_empty
    from deploykit.nodes.ssh import silent

    with work_of(ctx, "env") as work:
        inventory = inventory_of(work.site, instance, provider)
        host = host_of(inventory, node)
        _demand_quiet(ctx, inventory)
        if not silent(inventory, [host.name]):
            raise InputError(
                f"{node} answers: two copies of an instance would run",
                f"deploy-kit env maintain {inventory.instance} {node} moves what runs; where it is "
                "broken, switch it off first",
            )
        what = f"lets the instances of {node} begin anew elsewhere, without what its disks hold"
        confirm(work.site, [inventory.instance], yes, yes_i_mean, what)
        found = _leave(inventory, host, EVACUATE, limit, work.progress)
        demand_empty(inventory, host.name, found, "see to these, then run this again")
        stdout().print(
            f"no instance is on {node} any more; when it runs again: "
            f"deploy-kit env maintain {inventory.instance} {node} --back",
            soft_wrap=True,
        )


@click.command()
@click.argument("instance")
@click.argument("nodes", nargs=-1)
@click.option("--all-at-once", is_flag=True, help="NODES, which must be named, side by side.")
@click.option(
    "--with-instances", is_flag=True, help="Empty no hypervisor: its instances stop and start."
)
@limit_option
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
    all_at_once: bool,
    with_instances: bool,
    limit: int,
) -> None:
    """Reboot NODES of an environment (default: all), step by step.

    All but hypervisors boot one after the other. Of hypervisors one does, then some at a time (the
    environment's `deploy: {batch: …}`); each is emptied first, and used again afterwards. The next
    step begins when all units of the one before have started. Where a node does not come back, a
    unit fails that ran before, or an instance cannot move, the rest stay as they are.

    \b
    deploy-kit env reboot production
    deploy-kit env reboot production compute17 compute18 --limit 2h
    """
    from deploykit.nodes.reboot import reboot_nodes
    from deploykit.nodes.rolling import steps

    if all_at_once and not nodes:
        raise InputError(
            f"which nodes of {instance} shall be away at once?",
            "name them: what they run is away meanwhile; without --all-at-once all go in turn",
        )
    with work_of(ctx, "env") as work:
        inventory = inventory_of(work.site, instance, provider)
        hosts = [host_of(inventory, node) for node in nodes] or list(inventory.hosts)
        names = ", ".join(host.name for host in hosts)
        how = "side by side" if all_at_once else "step by step"
        confirm(work.site, [inventory.instance], yes, yes_i_mean, f"reboots {names}, {how}")
        if all_at_once:
            with work.progress.step(f"{inventory.instance}: {names} rebooted"):
                reboot_nodes(inventory, hosts)
            return
        for step in steps(hosts, inventory.environment.batch):
            reboot_step(inventory, step, None if with_instances else limit, work.progress)


def reboot_step(
    inventory: Inventory, step: Sequence[Host], limit: int | None, progress: Progress
) -> None:
    """Reboot the nodes of one step side by side; its hypervisors are emptied first, within `limit`
    seconds each, unless it is None.

    Those that were open are open again when all are back, and where one cannot be emptied. Raises
    what ends the whole.
    """
    from deploykit.care.moves import EMPTY, demand_empty, use_again
    from deploykit.nodes.reboot import reboot_to_health
    from deploykit.nodes.rolling import HYPERVISOR

    opened: list[str] = []

    def empty(host: Host) -> None:
        found = _leave(inventory, host, EMPTY, limit or 0, progress)
        if found.was_open:
            opened.append(host.name)
        demand_empty(
            inventory, host.name, found, "--with-instances lets them stop and start with it"
        )

    def boot(host: Host) -> None:
        with progress.step(f"{inventory.instance}: {host.name} rebooted"):
            reboot_to_health(inventory, host)

    going = [host for host in step if HYPERVISOR in host.roles] if limit is not None else []
    try:
        in_parallel(going, empty)
    except DeployKitError:
        in_parallel(opened, lambda name: use_again(inventory, name))
        raise
    in_parallel(step, boot)
    in_parallel(opened, lambda name: use_again(inventory, name))


def _leave(inventory: Inventory, host: Host, how: str, limit: int, progress: Progress) -> Moved:
    """What left a hypervisor, told as it does."""
    from deploykit.care.moves import leave

    with progress.step(f"{inventory.instance}: instances leave {host.name}") as step:
        found = leave(inventory, host.name, how, limit, step.note)
    for name, to in found.moved.items():
        stdout().print(f"{name} is on {to}", soft_wrap=True, markup=False)
    return found


def _demand_quiet(ctx: click.Context, inventory: Inventory) -> None:
    """Raise Refused during a deployment, which restarts what moves instances."""
    from deploykit.secrets.store import demand_quiet

    demand_quiet(ledger_of(ctx), inventory)
