"""`deploy-kit mirror`: the exact vendor packages that releases pin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from deploykit.cli.app import json_option, print_json, site_of, stderr, yes_option
from deploykit.cli.confirm import confirm_loss

if TYPE_CHECKING:
    from deploykit.mirror.difference import SourceChange
    from deploykit.mirror.packageset import PackageSet
    from deploykit.mirror.store import Store
    from deploykit.site import Site

SHORT = 12


@click.group()
def mirror() -> None:
    """Vendor packages: what the content needs, fetched as exact sets that releases pin.

    For sites that say `mirror: {}` in site.yml. A SET is `newest`, `previous`, or the beginning of
    its digest.
    """


@mirror.command()
@json_option
@click.pass_context
def update(ctx: click.Context, as_json: bool) -> None:
    """Fetch what the content's roles need by now, with all that it depends on, as one set.

    Releases that are cut from now on pin it; those before keep theirs. With nothing new upstream
    the set stays the same.

    \b
    deploy-kit mirror update
    """
    from datetime import UTC, datetime

    from deploykit.base.progress import Shown
    from deploykit.image.inputs import PACKAGES
    from deploykit.mirror.store import open_store
    from deploykit.mirror.updating import update_mirror
    from deploykit.site.content import read_content

    site, store = site_of(ctx), open_store()
    content = read_content(site.content)
    done = update_mirror(
        site, store, content, PACKAGES, now=datetime.now(UTC), progress=Shown(stderr())
    )
    changes = _changes(store, site, done.before, done.set) if done.before else ()
    if as_json:
        changed = [_change_json(change) for change in changes]
        print_json({**_set_json(done.set), "changes": changed})
        return
    click.echo(f"{done.set.digest[:SHORT]}  {_size(done.set)}")
    for change in changes:
        click.echo(_change_line(change))


@mirror.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the sets that this site holds, the newest last, and the releases that pin them."""
    from deploykit.mirror.store import open_store
    from deploykit.release.packages import pinning

    site, store = site_of(ctx), open_store()
    pins = pinning(site)
    held = store.holding(site).sets
    if as_json:
        print_json([{"set": one.set, "time": one.time, "releases": pins.get(one.set, [])}
                    for one in held])  # fmt: skip
        return
    for one in held:
        listed = ", ".join(pins.get(one.set, []))
        click.echo(f"{one.set[:SHORT]}  {one.time}  {listed}".rstrip())
    if not held:
        click.echo("no set yet: deploy-kit mirror update")


@mirror.command()
@click.argument("text", metavar="SET", default="newest")
@click.option("--role", help="The packages of nodes with this role, with their versions.")
@json_option
@click.pass_context
def show(ctx: click.Context, text: str, role: str | None, as_json: bool) -> None:
    """Show SET: its snapshots, or what the nodes of a role have of it.

    \b
    deploy-kit mirror show
    deploy-kit mirror show newest --role identity
    """
    from deploykit.base.errors import InputError
    from deploykit.base.yamlfile import nearest
    from deploykit.mirror.store import find_set, open_store

    site, store = site_of(ctx), open_store()
    one = store.read_set(find_set(store, site, text))
    if role is not None:
        if role not in one.roles:
            raise InputError(f"the set knows no role '{role}'", nearest(role, frozenset(one.roles)))
        versions = one.closure(role)
        if as_json:
            print_json(versions)
            return
        for name, version in sorted(versions.items()):
            click.echo(f"{name} {version}")
        return
    if as_json:
        print_json(_set_json(one))
        return
    click.echo(f"set {one.digest}\n{_size(one)}")
    for snapshot in one.snapshots:
        click.echo(f"  {snapshot.suite:<20} {snapshot.digest[:SHORT]}  {len(snapshot.packages)}")
    for name, packages in one.roles.items():
        click.echo(f"  {name:<20} {len(packages)} packages")


@mirror.command()
@click.argument("old", metavar="A", default="previous")
@click.argument("new", metavar="B", default="newest")
@json_option
@click.pass_context
def diff(ctx: click.Context, old: str, new: str, as_json: bool) -> int:
    """Show what set B has and A has not, by source package, with the DSA and CVE numbers that the
    packages' own changelogs name. Exit status 1 where they differ."""
    from deploykit.mirror.store import find_set, open_store

    site, store = site_of(ctx), open_store()
    sets = [store.read_set(find_set(store, site, text)) for text in (old, new)]
    changes = _changes(store, site, *sets)
    if as_json:
        print_json([_change_json(change) for change in changes])
    for change in () if as_json else changes:
        click.echo(_change_line(change))
    return 1 if changes else 0


@mirror.command()
@click.option("--dry-run", is_flag=True, help="Only say which.")
@yes_option
@json_option
@click.pass_context
def prune(ctx: click.Context, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Take away sets that no kit in the store pins. Asks.

    The newest stays, and so does every file that another set or another site needs. What sites held
    whose folders are gone goes, too. Before: `deploy-kit release prune`.
    """
    from deploykit.mirror.pruning import remove_sets, sites_there, spare_sets
    from deploykit.mirror.store import open_store
    from deploykit.release.packages import needed_sets

    site, store = site_of(ctx), open_store()
    holdings = store.holdings()
    spare = spare_sets(holdings, site.id, needed_sets(site), sites_there(holdings))
    if as_json:
        print_json({"sets": list(spare.sets), "sites": list(spare.sites)})
    else:
        for digest in spare.sets:
            click.echo(digest[:SHORT])
        for gone in spare.sites:
            click.echo(f"what {holdings[gone].folder} held, which is gone")
        if not spare.sets and not spare.sites:
            click.echo("nothing goes")
    if dry_run or not (spare.sets or spare.sites):
        return
    confirm_loss(f"{len(spare.sets)} sets of packages", yes)
    freed = remove_sets(store, site, spare)
    if not as_json:
        click.echo(f"{freed / 1e6:.1f} MB are free")


def _changes(
    store: Store, site: Site, old: PackageSet | None, new: PackageSet
) -> tuple[SourceChange, ...]:
    from deploykit.mirror.difference import compare_sets
    from deploykit.mirror.updating import changelogs_of

    return compare_sets(old, new, changelogs_of(store, site).of)


def _set_json(one: PackageSet) -> dict[str, Any]:
    return {
        "set": one.digest,
        "snapshots": one.pins,
        "packages": len(one.packages),
        "bytes": one.size,
        "roles": {role: len(names) for role, names in one.roles.items()},
    }


def _size(one: PackageSet) -> str:
    return f"{len(one.packages)} packages, {one.size / 1e6:.1f} MB"


def _change_json(change: SourceChange) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(change)


def _change_line(change: SourceChange) -> str:
    roles = f" ({', '.join(change.roles)})" if change.roles else ""
    closes = f": {', '.join(change.closes)}" if change.closes else ""
    return f"{change.source} {change.old or '-'} -> {change.new or '-'}{roles}{closes}"
