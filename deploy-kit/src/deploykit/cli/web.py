"""`deploy-kit web`: the board, releases, environments and records as pages to read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from deploykit.base.progress import Shown
from deploykit.cli.app import site_of, stderr, tell_unreadable
from deploykit.cli.ledger import ledger_of

if TYPE_CHECKING:
    from deploykit.web.serving import Address

LISTEN = "127.0.0.1:8470"


@click.command()
@click.option("--listen", default=LISTEN, show_default=True, metavar="HOST:PORT",
              help="Where pages are served; port 0 is one that is free.")  # fmt: skip
@click.option("--name", "names", multiple=True, metavar="NAME",
              help="A name that browsers may ask by, beside localhost and addresses.")  # fmt: skip
@click.pass_context
def web(ctx: click.Context, listen: str, names: tuple[str, ...]) -> None:
    """Serve pages that show what runs where, what waits and why, until Ctrl-C. Read only.

    Every page is JSON too, at the same address (Accept: application/json, or ?format=json), as
    /openapi.json describes; /metrics is for Prometheus.

    \b
    deploy-kit web
    deploy-kit web --listen 10.0.0.5:8470 --name board.example.org
    """
    from deploykit.web.following import Following
    from deploykit.web.serving import Server, listen_at, parse_address
    from deploykit.web.sources import sources_of

    address = parse_address(listen)
    site = site_of(ctx)
    tell_unreadable(site)
    with contextlib.suppress(KeyboardInterrupt), listen_at(address) as listening:
        with Shown(stderr()).step("the ledger is read"):
            ledger = ledger_of(ctx)
            following = Following(site, ledger, ended=lambda: server.end())
        server = Server(sources_of(site, ledger, following), names)
        bound = address.at_port(listening.getsockname()[1])
        _warn(bound)
        click.echo(f"http://{bound}/ shows {site.name}, until Ctrl-C")
        with following:
            server.run(listening)


def _warn(address: Address) -> None:
    """Say by name what is given to whom, where others than this machine reach the pages."""
    if address.is_loopback:
        return
    click.echo(
        f"warning: whoever reaches {address} reads the ledger, names of people, nodes and pods "
        "among it\n  there is no login and no encryption here: docs/web.md shows a proxy in front",
        err=True,
    )
