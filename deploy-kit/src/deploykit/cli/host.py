"""`deploy-kit setup`, `doctor` and `image`: this host and what it holds for every site."""

from __future__ import annotations

import click

from deploykit.cli.app import json_option, print_json, site_of, stderr, stdout
from deploykit.progress import Shown


@click.group()
def image() -> None:
    """The node image: Debian 12 with systemd, SSH, Python and Salt."""


@image.command("build")
@click.pass_context
def image_build(ctx: click.Context) -> None:
    """Build the image of today's inputs, if it is not there."""
    from deploykit.host.lxd import Lxd
    from deploykit.image.build import ensure_image

    site = site_of(ctx)
    base = ensure_image(Lxd(), site.logs / "image.log", Shown(stderr()))
    stdout().print(f"nodes are copied from {base}")
