"""`deploy-kit pool`: pods that are there before anybody asks (pools.yml)."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from deploykit.base import times
from deploykit.base.printable import one_line
from deploykit.cli.app import json_option, print_json, site_of, stdout

if TYPE_CHECKING:
    from deploykit.pools.status import Status

MIB = 2**20
LISTEN = "127.0.0.1:8471"


@click.group()
def pool() -> None:
    """Pools: pods made before anybody asks, replaced when they are old (pools.yml).

    \b
    deploy-kit pool run
    deploy-kit pool status
    deploy-kit pod reserve --pool small --for "look at #17"
    """


@pool.command()
@click.option("--host", "hosts", multiple=True, metavar="NAME",
              help="Work on this host of pools.yml. Default: on all of them.")  # fmt: skip
@click.pass_context
def run(ctx: click.Context, hosts: tuple[str, ...]) -> None:
    """Keep the pools as pools.yml says, until Ctrl-C.

    Several may run: one for each host, against one state, of which one decides at a time. One that
    is killed leaves nothing undone: another one, or the next, goes on.

    \b
    deploy-kit pool run
    deploy-kit pool run --host left
    """
    from deploykit.pools.hostside import hosts_served
    from deploykit.pools.opening import open_pools
    from deploykit.pools.server import Server

    def say(text: str) -> None:
        click.echo(f"{times.iso(times.utc_now())} {one_line(text, 400)}")

    with open_pools(site_of(ctx)) as pools, contextlib.suppress(KeyboardInterrupt):
        served = hosts_served(pools.config, hosts)
        server = Server(pools.config, pools.store, pools.nodes, served, say)
        say(f"the pools {', '.join(pools.config.pools)} on {', '.join(served)}, until Ctrl-C")
        server.run()


@pool.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """What is ready, who has what since when, who waits, and why nothing comes."""
    import time

    from deploykit.pools.opening import open_pools
    from deploykit.pools.status import status_of

    with open_pools(site_of(ctx)) as pools, pools.store.reading() as state:
        found = status_of(state, pools.config, time.time())
    if as_json:
        print_json(_plain(asdict(found)))
        return
    _print_status(found)


@pool.command()
@click.argument("name", metavar="POOL")
@click.option("--end", is_flag=True, help="Open it again.")
@click.pass_context
def drain(ctx: click.Context, name: str, end: bool) -> None:
    """Have a pool make no more pods and give none away; those that people hold stay theirs.

    \b
    deploy-kit pool drain small
    deploy-kit pool drain small --end
    """
    from deploykit.pools.opening import open_pools

    with open_pools(site_of(ctx)) as pools:
        pools.desk.drain(name, not end)
    click.echo(f"{name} is open again" if end else f"{name} is drained: what nobody holds goes")


@pool.command()
@click.option("--listen", default=LISTEN, show_default=True, metavar="HOST:PORT",
              help="Where it is served; port 0 is one that is free.")  # fmt: skip
@click.option("--name", "names", multiple=True, metavar="NAME",
              help="A name that programs may ask by, beside localhost and addresses.")  # fmt: skip
@click.pass_context
def serve(ctx: click.Context, listen: str, names: tuple[str, ...]) -> None:
    """Serve the pools over HTTP, until Ctrl-C: reservations by token, and a page.

    /openapi.json describes it; deploykit.pools.client is a client.

    \b
    deploy-kit pool serve
    """
    from deploykit.pools.opening import open_pools
    from deploykit.web.poolservice import make_pool_app
    from deploykit.web.protection import WRITING, Protection
    from deploykit.web.serving import AppServer, listen_at, parse_address

    address = parse_address(listen)
    with (
        open_pools(site_of(ctx)) as pools,
        listen_at(address) as listening,
        contextlib.suppress(KeyboardInterrupt),
    ):
        server = AppServer(Protection(make_pool_app(pools), names, WRITING))
        bound = address.at_port(listening.getsockname()[1])
        if not address.is_loopback:
            click.echo(f"warning: tokens go to {bound} unencrypted: put a proxy in front", err=True)
        click.echo(f"http://{bound}/ serves the pools, until Ctrl-C")
        server.run(listening)


@pool.group()
def token() -> None:
    """Tokens: who asks over HTTP is the user whose token it shows.

    \b
    deploy-kit pool token add ada > ada.token
    """


@token.command()
@click.argument("user")
@click.pass_context
def add(ctx: click.Context, user: str) -> None:
    """Print a new token of USER, in the place of an older one. Only its digest is kept."""
    import secrets
    import time

    from deploykit.pools.opening import open_pools
    from deploykit.web.poolservice import digest_of

    made = secrets.token_urlsafe(32)
    with open_pools(site_of(ctx)) as pools, pools.store.writing() as state:
        state.put_token(digest_of(made), user, time.time())
    click.echo(made)


@token.command("list")
@click.pass_context
def list_(ctx: click.Context) -> None:
    """Who has a token, and since when."""
    from deploykit.pools.opening import open_pools

    with open_pools(site_of(ctx)) as pools, pools.store.reading() as state:
        found = state.tokens()
    for user, made in found:
        since = times.at(made)
        click.echo(f"{one_line(user)}, since {times.human(since)}")


@token.command()
@click.argument("user")
@click.pass_context
def drop(ctx: click.Context, user: str) -> None:
    """Take USER's token back."""
    from deploykit.base.errors import InputError
    from deploykit.pools.opening import open_pools

    with open_pools(site_of(ctx)) as pools, pools.store.writing() as state:
        if not state.drop_token(user):
            raise InputError(f"{user} has no token", "deploy-kit pool token list")
    click.echo(f"{user} has no token any more")


def _print_status(found: Status) -> None:
    out = stdout()
    if not found.leader:
        out.print("no server runs: deploy-kit pool run")
    table = Table("pool", "ready", "making", "held", "leaving", "waiting", "", box=None)
    for one in found.pools:
        note = "drained" if one.drained else one.trouble
        counts = (f"{one.ready} of {one.keeps}", one.making, one.held, one.leaving, one.waiting)
        table.add_row(one.pool, *map(str, counts), one_line(note, 120))
    out.print(table)
    table = Table("host", "pods", "starting", "left", "", box=None)
    for host in found.hosts:
        starting = f"{host.starting} of {host.limit}"
        left = f"{host.left / MIB:.0f} MiB"
        table.add_row(host.host, str(host.pods), starting, left, one_line(host.trouble, 120))
    out.print(table)
    _print_pods(found)
    for request in found.waiting:
        out.print(
            f"waits for {request.pool}: {one_line(request.user)} ({one_line(request.purpose)}), "
            f"{times.age(request.since, found.at)}"
        )


def _print_pods(found: Status) -> None:
    if not found.pods:
        return
    table = Table("pod", "pool", "host", "state", "since", "user", "purpose", "until", box=None)
    for pod in found.pods:
        until = times.human(pod.until) if pod.until else pod.why
        until = f"protected: {pod.protected}" if pod.protected else until
        texts = (pod.user, pod.purpose, one_line(until, 80))
        since = times.age(pod.since, found.at)
        table.add_row(pod.pod, pod.pool, pod.host, pod.state, since, *map(one_line, texts))
    stdout().print(table)


def _plain(value: Any) -> Any:
    """`value` with its times as the ledger writes them."""
    if isinstance(value, datetime):
        return times.iso(value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
