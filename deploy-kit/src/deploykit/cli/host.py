"""`deploy-kit setup`, `doctor` and `image`: this host and what it holds for every site."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from deploykit.base.errors import InputError
from deploykit.base.progress import Shown
from deploykit.cli.app import json_option, print_json, site_of, stderr, stdout, yes_option
from deploykit.site import Site

if TYPE_CHECKING:
    from deploykit.providers.contract import ImageStore, StoredImage

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


@click.command()
@click.pass_context
def setup(ctx: click.Context) -> None:
    """Start the LXD daemon, make the storage pool. Quick if all is there.

    A site none of whose environments has its nodes on this machine needs neither.
    """
    from deploykit.doctor.setup import set_up

    set_up(Shown(stderr()), _site_if_any(ctx))


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

    site = _site_if_any(ctx)
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


def _site_if_any(ctx: click.Context) -> Site | None:
    """The site of this call; None where there is none: the machine is looked at from anywhere."""
    try:
        return site_of(ctx)
    except InputError:
        return None


@click.group()
def image() -> None:
    """The node image: Debian 12 with systemd, SSH, Python and Salt."""


@image.command("build")
@click.option("--box", is_flag=True, help="Also as a box for Vagrant's provider lxc.")
@click.option("--layer", is_flag=True, help="Also with the content's packages installed.")
@click.pass_context
def image_build(ctx: click.Context, box: bool, layer: bool) -> None:
    """Build the image of today's inputs, if it is not there and an environment takes it.

    The image with the content's packages installed (`packages: installed` in an environment's
    file) is built too if an environment that the train passes asks for it, or with --layer.
    """
    from deploykit.providers import Images, provider_named, providers
    from deploykit.site.environment import DEFAULT_PROVIDER, chain

    site = site_of(ctx)
    line = chain(site.environments())
    wanted = layer or any(environment.installed for environment in line)
    passed = [name for one in line for name in (one.provider, one.copies)] or [DEFAULT_PROVIDER]
    kinds = dict.fromkeys(passed, (False, True) if wanted else (False,))
    if box:
        kinds |= {name: (layer,) for name in providers() if name not in passed}
    makers = {name: provider_named(site, name) for name in kinds}
    images = {name: maker for name, maker in makers.items() if isinstance(maker, Images)}
    for name, maker in images.items():
        for installed in kinds[name]:
            made = maker.build_image(Shown(stderr()), installed=installed)
            stdout().print(f"nodes of {name} are copied from {made}", soft_wrap=True)
    if not images:
        stdout().print(f"nodes of {', '.join(makers)} are made of no image")


@image.command("list")
@json_option
@click.pass_context
def image_list(ctx: click.Context, as_json: bool) -> None:
    """The images on this host; the current one is what `env up` takes."""
    from deploykit.image.layer import current_images

    current = current_images(site_of(ctx))
    images = list(_stored_images())
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

    current = current_images(site_of(ctx))
    stores = _stored_images()
    old = [image for image in stores if image.key not in current and not image.used_by]
    if not old:
        stdout().print("nothing to remove")
        return
    names = ", ".join(image.key for image in old)
    if not yes:
        click.confirm(f"Remove {names}?", abort=True, err=True)
    progress = Shown(stderr())
    for image in old:
        with progress.step(f"image {image.key} removed"):
            stores[image].remove_image(image)


def _stored_images() -> dict[StoredImage, ImageStore]:
    """Every image of deploy-kit on this host, with where it is kept."""
    from deploykit.providers import ImageStore, hosts_of, providers

    stores = [host for host in hosts_of(list(providers())) if isinstance(host, ImageStore)]
    return {image: store for store in stores for image in store.images()}
