"""`deploy-kit setup`, `doctor` and `image`: this host and what it holds for every site."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table
from rich.text import Text

from deploykit.base.errors import InputError
from deploykit.base.progress import Shown
from deploykit.cli.app import json_option, print_json, site_of, stderr, stdout, yes_option

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


@click.command()
def setup() -> None:
    """Start the LXD daemon, make the storage pool. Quick if all is there."""
    from deploykit.doctor.setup import set_up

    set_up(Shown(stderr()))


@click.command()
@click.option("--train", is_flag=True, help="Have all that the train passes room here at once?")
@json_option
@click.pass_context
def doctor(ctx: click.Context, train: bool, as_json: bool) -> int:
    """Look at this machine: findings with remedies. Exit status 1 if one must be mended.

    Each environment is looked at for itself; with --train, those that the train passes together: if
    they have no room, that must be mended.
    """
    from deploykit.doctor import examine
    from deploykit.host.finding import Level

    try:
        site = site_of(ctx)
    except InputError:  # it looks at the machine from anywhere
        site = None
    findings = examine(site, train=train and site is not None)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        console = stdout()
        for finding in findings:
            mark, style = MARKS[finding.level]
            console.print(Text(mark, style=style) + f" {finding.name:<11}{finding.detail}")
            if finding.level is not Level.OK:
                for line in finding.remedy.splitlines():
                    console.print(f"    {line}", soft_wrap=True)
    return int(any(finding.level is Level.PROBLEM for finding in findings))


@click.group()
def image() -> None:
    """The node image: Debian 12 with systemd, SSH, Python and Salt."""


@image.command("build")
@click.option("--box", is_flag=True, help="Also as a box for Vagrant's provider lxc.")
@click.option("--layer", is_flag=True, help="Also with the content's packages installed.")
@click.pass_context
def image_build(ctx: click.Context, box: bool, layer: bool) -> None:
    """Build the image of today's inputs, if it is not there.

    The image with the content's packages installed (`packages: installed` in an environment's
    file) is built too if an environment that the train passes asks for it, or with --layer.
    """
    from deploykit.providers.lxd.api import Lxd
    from deploykit.providers.lxd.bases import ensure_base
    from deploykit.site.environment import chain

    site = site_of(ctx)
    wanted = layer or any(environment.installed for environment in chain(site.environments()))
    for installed in (False, True) if wanted else (False,):
        base = ensure_base(Lxd(), site, Shown(stderr()), installed=installed)
        stdout().print(f"nodes are copied from {base}")
    if box:
        from deploykit.providers.vagrant.box import ensure_box

        made = ensure_box(site, Shown(stderr()), installed=layer)
        stdout().print(f"Vagrant's nodes are made from {made.file}", soft_wrap=True)


@image.command("list")
@json_option
@click.pass_context
def image_list(ctx: click.Context, as_json: bool) -> None:
    """The images on this host; the current one is what `env up` takes."""
    from deploykit.image.layer import current_images
    from deploykit.providers.lxd.api import Lxd
    from deploykit.providers.lxd.images import stored

    current = current_images(site_of(ctx))
    images = stored(Lxd())
    if as_json:
        print_json([{**asdict(image), "current": image.key in current} for image in images])
        return
    table = Table("image", "size", "made", "used by", "", box=None)
    for image in images:
        mark = f"current: {current[image.key]}" if image.key in current else ""
        size = f"{image.size / 2**20:.0f} MiB"
        table.add_row(image.key, size, image.created[:16], ", ".join(image.used_by), mark)
    stdout().print(table)


@image.command("prune")
@yes_option
@click.pass_context
def image_prune(ctx: click.Context, yes: bool) -> None:
    """Remove images that are neither current nor any environment's on this host."""
    from deploykit.image.layer import current_images
    from deploykit.providers.lxd.api import Lxd
    from deploykit.providers.lxd.images import remove, stored

    lxd = Lxd()
    current = current_images(site_of(ctx))
    old = [image for image in stored(lxd) if image.key not in current and not image.used_by]
    if not old:
        stdout().print("nothing to remove")
        return
    names = ", ".join(image.key for image in old)
    if not yes:
        click.confirm(f"Remove {names}?", abort=True, err=True)
    progress = Shown(stderr())
    for image in old:
        with progress.step(f"image {image.key} removed"):
            remove(lxd, image)
