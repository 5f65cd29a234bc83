"""`deploy-kit pod reserve`, `release`, `renew`, `protect`: pods that pools keep ready."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from deploykit.base import times
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.processes import login, this_process
from deploykit.cli.app import json_option, print_json, site_of
from deploykit.site import Site
from deploykit.site.instance import Instance

if TYPE_CHECKING:
    from deploykit.pools import Member
    from deploykit.pools.desk import Wish
    from deploykit.pools.opening import Pools

NOT_STARTED = 127  # as shells have it


@click.command()
@click.option("--pool", required=True, metavar="NAME", help="Of which pool (pools.yml).")
@click.option("--for", "purpose", required=True, metavar="PURPOSE", help="What it is for.")
@click.option("--until", default="4h", show_default=True, metavar="T",
              help="A duration (90m), or a time (2026-11-30T17:00:00Z).")  # fmt: skip
@click.option("--wait", default=None, metavar="DURATION",
              help="Wait at most so long. Default: until it is your turn.")  # fmt: skip
@click.option("--build", default="", help="Which build asks: builds of a user take turns.")
@click.option("--change", default="", help="Which change it is to test.")
@click.option("--priority", default=0, type=click.IntRange(-1000, 0), show_default=True,
              help="Below that of the user, such as -10 for what may wait.")  # fmt: skip
@json_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def reserve(ctx: click.Context, /, as_json: bool, command: tuple[str, ...], **asked: Any) -> None:
    """Take a pod of a pool that is ready, or wait until it is your turn for one.

    With COMMAND the pod is had as long as that runs, with DEPLOY_KIT_POD and DEPLOY_KIT_SSH_CONFIG
    in its environment; the exit status is the command's, and nothing is left if it is killed.
    Without, it is yours until `--until`, or `pod release`.

    \b
    deploy-kit pod reserve --pool small --for "look at #17" --until 2h
    deploy-kit pod reserve --pool small --for nightly --priority -10 -- pytest tests/load
    """
    from deploykit.pools.holding import holding
    from deploykit.pools.holding import reserve as reserve_pod
    from deploykit.pools.opening import open_pools

    patience = None if asked["wait"] is None else float(_seconds(asked["wait"]))
    with open_pools(site_of(ctx)) as pools:
        began = time.monotonic()
        pod = reserve_pod(pools.desk, _wish(asked, leased=bool(command)), patience, _tell_waiting)
        waited = time.monotonic() - began
        if command:
            with holding(pools.desk, pod):
                _tag(pools, pod)
                status = _run(command, pod)
            ctx.exit(status)
        _show(pod, waited, as_json)
        _tag(pools, pod)


def _wish(asked: dict[str, Any], leased: bool) -> Wish:
    from deploykit.pools import LEASE
    from deploykit.pools.desk import Wish

    return Wish(
        asked["pool"],
        login(),
        asked["purpose"],
        _seconds(asked["until"]),
        asked["build"],
        asked["change"],
        asked["priority"],
        lease=LEASE if leased else 0.0,
        holder=json.dumps(this_process().as_json()) if leased else "",
    )


def _seconds(text: str) -> float:
    """Seconds from now to what a duration or a time says. Raises InputError."""
    try:
        return float(times.seconds_of(text))
    except ValueError:
        pass
    try:
        left = (times.parse(text) - times.utc_now()).total_seconds()
    except ValueError:
        raise InputError(
            f"neither a duration nor a time: '{text}'", "write 90m, or 2026-11-30T17:00:00Z"
        ) from None
    if left <= 0:
        raise InputError(f"{text} is over already")
    return left


def _tell_waiting() -> None:
    click.echo("no pod is ready for you: waiting in order (deploy-kit pool status)", err=True)


def _tag(pools: Pools, pod: Member) -> None:
    """Have its tags say whose it is. A server does it later where this cannot."""
    try:
        pools.nodes.tag(pod, pools.config.pool(pod.pool))
    except DeployKitError as error:
        click.echo(f"its tags do not say yet whose it is: {error.message}", err=True)


def _run(command: tuple[str, ...], pod: Member) -> int:
    """The exit status of `command` with the pod in its environment."""
    env = {**os.environ, **pod.way_in["environment"]}
    sys.stdout.flush()
    try:
        child = subprocess.run(command, env=env, check=False)  # it takes what it takes
    except OSError as error:
        click.echo(f"cannot start {command[0]}: {error.strerror}", err=True)
        return NOT_STARTED
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _show(pod: Member, waited: float, as_json: bool) -> None:
    until = times.at(pod.until)
    if as_json:
        print_json(pod_json(pod, waited))
        return
    click.echo(f"{pod.instance} is yours until {times.human(until)}")
    click.echo(f"  deploy-kit pod ssh {pod.instance}")
    click.echo(f"  deploy-kit pod release {pod.instance}")


def pod_json(pod: Member, waited: float) -> dict[str, Any]:
    """A pod that somebody has, for machines: how it is reached, until when."""
    return {
        "pod": pod.instance,
        "name": pod.name,
        "pool": pod.pool,
        "host": pod.host,
        "user": pod.user,
        "purpose": pod.purpose,
        "until": times.iso(times.at(pod.until)),
        "waited": round(waited, 3),
        **pod.way_in,
    }


@click.command()
@click.argument("name", metavar="POD")
@click.pass_context
def release(ctx: click.Context, name: str) -> None:
    """Give a pod of a pool back. It is made anew, never cleaned; what you keep stays until then."""
    from deploykit.pools.opening import open_pools

    with open_pools(site_of(ctx)) as pools:
        pod = pools.desk.release(name)
    _tell_left(pod)


def _tell_left(pod: Member) -> None:
    if pod.why:
        click.echo(f"{pod.instance} goes; its pool makes another")
        return
    until = times.at(pod.kept)
    stays = (
        f"is protected: {pod.protected}" if pod.protected else f"is kept until {times.human(until)}"
    )
    click.echo(f"{pod.instance} {stays}")


@click.command()
@click.argument("name", metavar="POD")
@click.pass_context
def renew(ctx: click.Context, name: str) -> None:
    """Say that you still want a pod that is yours by a lease: ten minutes more."""
    from deploykit.pools.opening import open_pools

    with open_pools(site_of(ctx)) as pools:
        pod = pools.desk.renew(name)
    until = times.at(pod.over_at)
    click.echo(f"{pod.instance} is yours until {times.human(until)}")


@click.command()
@click.argument("name", metavar="POD")
@click.option("--reason", required=True, help="Why; whoever wants to take it away reads it.")
@click.pass_context
def protect(ctx: click.Context, name: str, reason: str) -> None:
    """Have nothing take a pod away, whatever becomes of its time: a tag that all obey."""
    from deploykit.pods.listing import find_pod, pods_up
    from deploykit.pods.protection import protect as protect_pod

    site = site_of(ctx)
    pods = pods_up(site)
    pod = find_pod(pods, name)
    _note_protection(site, pod.instance, reason)
    protect_pod(pods[pod], pod.instance, reason)
    click.echo(f"{pod.instance} stays until 'deploy-kit pod unprotect {pod.instance}'")


@click.command("unprotect")
@click.argument("name", metavar="POD")
@click.pass_context
def unprotect_(ctx: click.Context, name: str) -> None:
    """Let a pod go again when its time is over."""
    from deploykit.pods.listing import find_pod, pods_up
    from deploykit.pods.protection import unprotect

    site = site_of(ctx)
    pods = pods_up(site)
    pod = find_pod(pods, name)
    unprotect(pods[pod], pod.instance)
    _note_protection(site, pod.instance, "")
    click.echo(f"{pod.instance} may go again")


def _note_protection(site: Site, instance: Instance, why: str) -> None:
    with _of_pools(site, [instance]) as (pools, members):
        for member in members:
            assert pools is not None
            pools.desk.protect(member.name, why)


def keep_of_pool(site: Site, instance: Instance, until: datetime) -> None:
    """Have a pool, if the pod is of one, keep it until then: after its holder gave it back too."""
    with _of_pools(site, [instance]) as (pools, members):
        for member in members:
            assert pools is not None
            pools.desk.keep(member.name, until.timestamp())


def leave_pools(site: Site, instances: Iterable[Instance]) -> None:
    """Those of `instances` that are pods of pools are no pool's any more: they go."""
    with _of_pools(site, instances) as (pools, members):
        if pools is not None:
            for member in members:
                if member.protected:
                    pools.desk.protect(member.name, "")
            pools.desk.discard([member.name for member in members], f"{login()} dropped it")


@contextlib.contextmanager
def _of_pools(
    site: Site, instances: Iterable[Instance]
) -> Iterator[tuple[Pools | None, list[Member]]]:
    """The site's pools, and those of `instances` that are pods of them; None and nothing where the
    site has no pools."""
    from deploykit.pools.opening import has_pools, open_pools
    from deploykit.pools.schema import PODS

    if not has_pools(site):
        yield None, []
        return
    with open_pools(site) as pools:
        with pools.store.reading() as state:
            names = [str(instance) for instance in instances]
            members = state.members(PODS.c.instance.in_(names))
        yield pools, members
