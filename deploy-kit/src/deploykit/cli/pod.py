"""`deploy-kit pod`: disposable copies of environments, made in seconds from a prepared one."""

from __future__ import annotations

import getpass
import secrets as randomness
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from deploykit.base import times
from deploykit.base.printable import one_line
from deploykit.cli.app import (
    json_option,
    print_json,
    provider_option,
    site_of,
    stderr,
    stdout,
    work_of,
    yes_option,
)
from deploykit.cli.confirm import confirm_pods
from deploykit.cli.env import take_down
from deploykit.cli.pod_pools import (
    keep_of_pool,
    leave_pools,
    protect,
    release,
    renew,
    reserve,
    unprotect_,
)
from deploykit.cli.pod_run import MOST_AT_ONCE, run_suites
from deploykit.cli.reach import ssh

if TYPE_CHECKING:
    from deploykit.pods import Pod
    from deploykit.pods.creation import Order
    from deploykit.rollout.work import Work

GRACE = "4h"

for_option = click.option(
    "--for", "duration", default=GRACE, show_default=True, help="How long it is wanted."
)


count_option = click.option(
    "--count", type=int, help="How many they are: for more than three, or what is protected."
)


@click.group()
def pod() -> None:
    """Pods: disposable copies of environments, to try a release or a change on.

    \b
    deploy-kit pod create --from production --name try
    deploy-kit pod ssh try
    deploy-kit pod run try -- tests/test_login.py
    deploy-kit pod drop try
    deploy-kit pod reserve --pool NAME --for "look at #17"   one that is ready already
    """


@pod.command()
@click.option("--from", "source", required=True, metavar="ENV", help="Nodes like those of ENV.")
@click.option("--name", help="Default: one that nobody has.  With --copies: NAME-1, NAME-2 ...")
@click.option("--release", help="Then bring this release over it.")
@click.option("--base", help="The release to begin at. Default: what the last environment runs.")
@click.option("--copies", default=1, type=click.IntRange(1, MOST_AT_ONCE), show_default=True)
@click.option("--purpose", default="try", show_default=True, help="Tag: what it is for.")
@click.option("--build", default="", help="Tag: which build asked for it.")
@click.option("--change", default="", help="Tag: which change it is to test.")
@for_option
@provider_option
@json_option
@click.pass_context
def create(ctx: click.Context, /, as_json: bool, **asked: Any) -> None:
    """Make pods: copies of an environment's nodes at the release that production runs.

    The first pod of a release takes as long as a deployment, later ones seconds: they are copied
    from nodes that were kept. A pod has no secret of the environment.

    \b
    deploy-kit pod create --from test
    deploy-kit pod create --from test --release latest --name candidate
    deploy-kit pod create --from test --copies 3 --name load --for 2h
    """
    from deploykit.pods.creation import create_pods

    with work_of(ctx, "pod") as work:
        order = _order(ctx, work, asked)
        made = create_pods(work, order)
    names = [str(nodes.instance) for nodes in made]
    if as_json:
        print_json({"pods": names, "until": times.iso(order.wanted.until)})
        return
    for name in names:
        click.echo(name)


def _order(ctx: click.Context, work: Work, asked: dict[str, Any]) -> Order:
    """What the options of `pod create` ask for. Raises InputError if they do not fit."""
    from deploykit.cli.ledger import ledger_of
    from deploykit.ledger.kit_signers import kit_signers
    from deploykit.pods import Wanted
    from deploykit.pods.base import base_release
    from deploykit.pods.creation import Order
    from deploykit.pods.listing import until_after
    from deploykit.providers import resolve_instance
    from deploykit.release import find_release
    from deploykit.release.cutting import build_release

    environment = resolve_instance(work.site, asked["source"], asked["provider"])[0].for_copies()
    until = until_after(asked["duration"], times.utc_now())
    ledger = ledger_of(ctx)
    records = ledger.fetch_records()
    base = base_release(work.site, records, environment, asked["base"] or "")
    over = find_release(work.site, asked["release"]) if asked["release"] else None
    name, copies = asked["name"] or randomness.token_hex(3), asked["copies"]
    names = (name,) if copies == 1 else tuple(f"{name}-{n}" for n in range(1, copies + 1))
    return Order(
        environment,
        names,
        base=build_release(work.site, ledger, base),
        wanted=Wanted(getpass.getuser(), asked["purpose"], until, asked["build"], asked["change"]),
        signers=kit_signers(records),
        over=build_release(work.site, ledger, over) if over is not None else None,
    )


@pod.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """The pods that there are, what each is for, and until when it is wanted."""
    from deploykit.pods.listing import pods_up

    pods = list(pods_up(site_of(ctx)))
    now = times.utc_now()
    if as_json:
        print_json([_as_json(pod, pod.is_over(now)) for pod in pods])
        return
    table = Table("pod", "release", "purpose", "change", "build", "user", "until", box=None)
    for pod in pods:
        wanted = pod.wanted
        texts = (pod.release, wanted.purpose, wanted.change, wanted.build, wanted.user)
        until = times.human(wanted.until) + (" (over)" if pod.is_over(now) else "")
        table.add_row(str(pod.instance), *map(one_line, texts), until)
    stdout().print(table if pods else "no pods")


def _as_json(pod: Pod, over: bool) -> dict[str, Any]:
    wanted = pod.wanted
    return {
        "pod": str(pod.instance),
        "environment": pod.instance.environment,
        "release": pod.release,
        "created": times.iso(pod.created),
        "until": times.iso(wanted.until),
        "over": over,
        "user": wanted.user,
        "purpose": wanted.purpose,
        "build": wanted.build,
        "change": wanted.change,
    }


@pod.command("ssh", context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="POD")
@click.argument("node", required=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def ssh_(ctx: click.Context, name: str, node: str | None, words: tuple[str, ...]) -> None:
    """A shell on a pod's node (default: its master), or a command there."""
    from deploykit.pods.listing import find_pod, pods_up

    pod = find_pod(pods_up(site_of(ctx)), name)
    ctx.invoke(ssh, instance=str(pod.instance), node=node, words=words, provider=pod.provider)


@pod.command()
@click.argument("name", metavar="POD")
@for_option
@click.pass_context
def keep(ctx: click.Context, name: str, duration: str) -> None:
    """Say that a pod is wanted, from now on for so long.

    \b
    deploy-kit pod keep try --for 1d
    """
    from deploykit.pods.listing import find_pod, pods_up, until_after
    from deploykit.pods.listing import keep as keep_pod

    pods = pods_up(site_of(ctx))
    pod = find_pod(pods, name)
    until = until_after(duration, times.utc_now())
    keep_of_pool(site_of(ctx), pod.instance, until)
    keep_pod(pods[pod], pod, until)
    click.echo(f"{pod.instance} is kept until {times.human(until)}")


@pod.command()
@click.argument("names", nargs=-1, required=True, metavar="POD...")
@count_option
@yes_option
@click.pass_context
def drop(ctx: click.Context, names: tuple[str, ...], count: int | None, yes: bool) -> None:
    """Take pods down, with all they hold.

    More than three, or one that is protected, go only when their number is typed.
    """
    from deploykit.pods.listing import find_pod, pods_up
    from deploykit.pods.protection import protection, unprotect

    site = site_of(ctx)
    pods = pods_up(site)
    going = {pod.instance: pods[pod] for pod in (find_pod(pods, name) for name in names)}
    whys = {instance: protection(provider, instance) for instance, provider in going.items()}
    confirm_pods(site, whys, yes, count)
    for instance, why in whys.items():
        if why:
            unprotect(going[instance], instance)
    leave_pools(site, going)
    take_down(going)


@pod.command()
@click.option("--prepared", is_flag=True, help="Also the kept nodes that pods are copied from.")
@click.option("--dry-run", is_flag=True, help="Only say what would go, and why.")
@count_option
@yes_option
@click.pass_context
def prune(ctx: click.Context, prepared: bool, dry_run: bool, count: int | None, yes: bool) -> None:
    """Take down the pods that nobody wants any more: their time is over.

    One that is protected stays. More than three go only when their number is typed.
    """
    from deploykit.base.progress import Shown
    from deploykit.pods import PREPARED
    from deploykit.pods.listing import pods_up
    from deploykit.pods.protection import protection
    from deploykit.pods.pruning import drop_over
    from deploykit.providers import instances_up

    site, now = site_of(ctx), times.utc_now()
    over = {
        pod: provider
        for pod, provider in pods_up(site).items()
        if pod.is_over(now) and not protection(provider, pod.instance)
    }
    prepared_nodes = {
        instance: provider
        for instance, provider in (instances_up(site).items() if prepared else ())
        if (instance.copy or "").startswith(f"{PREPARED}-")
    }
    if not over and not prepared_nodes:
        stdout().print("nothing to take down")
        return
    if dry_run:
        for pod in over:
            click.echo(f"{pod.instance}: wanted until {times.human(pod.wanted.until)}")
        for instance in prepared_nodes:
            click.echo(f"{instance}: pods are copied from it, none needs it")
        return
    confirm_pods(site, dict.fromkeys([*(pod.instance for pod in over), *prepared_nodes], ""), yes,
                 count)  # fmt: skip
    drop_over(over, Shown(stderr()))
    take_down(prepared_nodes)


for command in (run_suites, reserve, release, renew, protect, unprotect_):
    pod.add_command(command)
