"""`deploy-kit setup`, `doctor` and `image`: this host and what it holds for every site."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table

from deploykit.cli.app import json_option, print_json, site_of, stderr, stdout, yes_option
from deploykit.progress import Shown

MARKS = {"ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "problem": "[red]✗[/red]"}


@click.command()
def setup() -> None:
    """Start the LXD daemon, make the storage pool. Quick where all is there."""
    from deploykit.host.setup import set_up

    set_up(Shown(stderr()))


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Look at this machine: findings with remedies. Exit status 1 where one must be mended."""
    from deploykit.host.doctor import examine
    from deploykit.host.finding import Level

    found = examine()
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        console = stdout()
        for finding in found:
            console.print(f"{MARKS[finding.level]} {finding.name:<11}{finding.detail}")
            if finding.level is not Level.OK:
                for line in finding.remedy.splitlines():
                    console.print(f"    {line}", soft_wrap=True)
    return int(any(finding.level is Level.PROBLEM for finding in found))


@click.group()
def image() -> None:
    """The node image: Debian 12 with systemd, SSH, Python and Salt."""


@image.command("build")
@click.option("--box", is_flag=True, help="Also as a box for Vagrant's provider lxc.")
@click.pass_context
def image_build(ctx: click.Context, box: bool) -> None:
    """Build the image of today's inputs, if it is not there."""
    from deploykit.host.lxd import Lxd
    from deploykit.image.build import ensure_image

    site = site_of(ctx)
    log = site.logs / "image.log"
    base = ensure_image(Lxd(), log, Shown(stderr()), downloaded=site.downloaded)
    stdout().print(f"nodes are copied from {base}")
    if box:
        from deploykit.image.box import ensure_box

        made = ensure_box(site, Shown(stderr()))
        stdout().print(f"Vagrant's nodes are made from {made.file}", soft_wrap=True)


@image.command("list")
@json_option
@click.pass_context
def image_list(ctx: click.Context, as_json: bool) -> None:
    """The images on this host; the current one is what `env up` takes."""
    from deploykit.host.lxd import Lxd
    from deploykit.image.inputs import read_inputs
    from deploykit.image.store import stored

    current = read_inputs(downloaded=site_of(ctx).downloaded).key
    images = stored(Lxd())
    if as_json:
        print_json([{**asdict(image), "current": image.key == current} for image in images])
        return
    table = Table("image", "size", "made", "used by", "", box=None)
    for one in images:
        mark = "current" if one.key == current else ""
        size = f"{one.size / 2**20:.0f} MiB"
        table.add_row(one.key, size, one.created[:16], ", ".join(one.used_by), mark)
    stdout().print(table)


@image.command("prune")
@yes_option
@click.pass_context
def image_prune(ctx: click.Context, yes: bool) -> None:
    """Remove images that are neither current nor any environment's on this host."""
    from deploykit.host.lxd import Lxd
    from deploykit.image.inputs import read_inputs
    from deploykit.image.store import remove, stored

    lxd = Lxd()
    current = read_inputs(downloaded=site_of(ctx).downloaded).key
    old = [one for one in stored(lxd) if one.key != current and not one.used_by]
    if not old:
        stdout().print("nothing to remove")
        return
    names = ", ".join(one.key for one in old)
    if not yes:
        click.confirm(f"Remove {names}?", abort=True, err=True)
    progress = Shown(stderr())
    for one in old:
        with progress.step(f"image {one.key} removed"):
            remove(lxd, one)
