"""`deploy-kit settings`: what an environment sets, what counts there, and where it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from deploykit.cli.app import json_option, print_json, site_of, stdout, work_of

if TYPE_CHECKING:
    from deploykit.release import Release
    from deploykit.rollout.settings import Effective
    from deploykit.rollout.work import Work
    from deploykit.site import Site
    from deploykit.site.environment import Environment

HIDDEN = "hidden"
NOWHERE = "–"


@click.group()
def settings() -> None:
    """Settings of environments: their own values over those of the release."""


def complete_environment(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The site's environments whose names begin with what is there; none where there is no site."""
    from deploykit.base.errors import DeployKitError

    try:
        names = _completed_site(ctx).read_environments().environments
    except DeployKitError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_component(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What the working copy's content has values of."""
    from deploykit.base.errors import DeployKitError
    from deploykit.site.tunables import read_tunables

    try:
        known = read_tunables(_completed_site(ctx).content.parent).known
    except DeployKitError:
        return []
    return [CompletionItem(name) for name in sorted(known) if name.startswith(incomplete)]


def _completed_site(ctx: click.Context) -> Site:
    """The site of a call that is still being written: no callback has run yet."""
    root = ctx.find_root()
    root.obj = root.params.get("site")
    return site_of(ctx)


release_option = click.option(
    "--release",
    "named",
    metavar="RELEASE",
    help="Against this release. Default: the one that runs there, else the newest.",
)


@settings.command()
@click.argument("environment", shell_complete=complete_environment)
@click.argument("component", required=False, shell_complete=complete_component)
@release_option
@json_option
@click.pass_context
def show(
    ctx: click.Context, environment: str, component: str | None, named: str | None, as_json: bool
) -> None:
    """Show each value that ENVIRONMENT's nodes get, and where it comes from.

    Of COMPONENT alone if it is given; `day0` is Ansible's variables. A value is the release's own,
    of its role map, the environment's (with file and line), or a secret, which is hidden. What the
    release does not know is refused, as a deployment would.

    \b
    deploy-kit settings show production nova_compute
    deploy-kit settings show production day0
    deploy-kit settings show production --release 2026.48.1 --json
    """
    from rich.table import Table
    from rich.text import Text

    from deploykit.base.printable import one_line
    from deploykit.rollout.settings import values_of

    with work_of(ctx, "settings") as work:
        env = work.site.environment(environment)
        release = _release(ctx, work, env, named)
        values = values_of(env, release.unpacked(work.site), component)
    if as_json:
        print_json(
            {
                "environment": env.name,
                "version": release.version,
                "release": release.digest,
                "values": [_json(one) for one in values],
            }
        )
        return
    table = Table(box=None, pad_edge=False)
    for title in ("Key", "Value", "From"):
        table.add_column(title, overflow="fold")
    for one in values:
        cells = (one.key, _shown(one), _origin(one))
        style = "bold" if one.place else ""
        table.add_row(*(Text(one_line(cell)) for cell in cells), style=style)
    stdout().print(Text(f"{env.name} with release {release.version}"))
    stdout().print(table)


@settings.command()
@click.argument("first", metavar="A", shell_complete=complete_environment)
@click.argument("second", metavar="B", shell_complete=complete_environment)
@release_option
@json_option
@click.pass_context
def diff(ctx: click.Context, first: str, second: str, named: str | None, as_json: bool) -> None:
    """Show which values count in A and which in B, where they differ.

    Each environment with the release that runs there, so that what a newer release brings is
    seen, too; with --release both with that one.

    \b
    deploy-kit settings diff staging production
    deploy-kit settings diff staging production --release latest --json
    """
    from rich.table import Table
    from rich.text import Text

    from deploykit.base.printable import one_line
    from deploykit.rollout.settings import differences

    with work_of(ctx, "settings") as work:
        sides = [work.site.environment(name) for name in (first, second)]
        releases = [_release(ctx, work, side, named) for side in sides]
        roots = [release.unpacked(work.site) for release in releases]
        found = differences((sides[0], roots[0]), (sides[1], roots[1]))
    if as_json:
        print_json(
            {
                "environments": [side.name for side in sides],
                "versions": [release.version for release in releases],
                "differences": [
                    {"key": key, "values": [one and _json(one) for one in both]}
                    for key, *both in found
                ],
            }
        )
        return
    if not found:
        stdout().print(Text(f"{first} and {second} have the same values"))
        return
    table = Table(box=None, pad_edge=False)
    titles = (f"{side.name} ({one.version})" for side, one in zip(sides, releases, strict=True))
    for title in ("Key", *titles):
        table.add_column(title, overflow="fold")
    for key, *both in found:
        cells = [f"{_shown(one)} ({_origin(one)})" if one else NOWHERE for one in both]
        table.add_row(*(Text(one_line(cell)) for cell in (key, *cells)))
    stdout().print(table)


def _release(ctx: click.Context, work: Work, env: Environment, named: str | None) -> Release:
    """The release `named`, else the one that the environment runs, else the newest."""
    from deploykit.cli.ledger import ledger_of
    from deploykit.ledger.view import running
    from deploykit.release import LATEST, find_release, release_of
    from deploykit.release.cutting import build_release

    ledger = ledger_of(ctx)
    runs = running(ledger.known, env.name)
    if named is None and runs is not None:
        return build_release(work.site, ledger, release_of(work.site, ledger.known, runs.digest))
    return build_release(work.site, ledger, find_release(work.site, named or LATEST))


def _shown(one: Effective) -> str:
    from deploykit.rollout.settings import Origin

    if one.origin == Origin.SECRET:
        return HIDDEN
    return one.value if isinstance(one.value, str) else json.dumps(one.value)


def _origin(one: Effective) -> str:
    """Where a value comes from, for people: the role by its name, files of the site by theirs."""
    if one.place:
        return f"{one.origin}, {Path(one.place).name}"
    return f"{one.origin} {one.path[1]}" if one.path[0] == "roles" else str(one.origin)


def _json(one: Effective) -> dict[str, Any]:
    return {"key": one.key, "value": one.value, "from": one.origin, "place": one.place or None}
