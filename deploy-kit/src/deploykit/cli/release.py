"""`deploy-kit release`: cut, list, show and verify releases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from deploykit.cli.app import json_option, print_json, site_of, stderr, yes_option
from deploykit.cli.confirm import confirm_loss
from deploykit.cli.page import diff
from deploykit.cli.sbom import sbom

if TYPE_CHECKING:
    from deploykit.ledger import Ledger
    from deploykit.release import Release
    from deploykit.release.hotfix import Hotfix
    from deploykit.site import Site


@click.group()
def release() -> None:
    """Releases: kits with a version, cut from the site's manifest gitshelf.yml."""


@release.command()
@click.option("--no-commit", is_flag=True, help="Keep the pins in the state folder.")
@click.option("--version", help="YEAR.WEEK.N. Default: the next of this week.")
@click.option("--from", "source", metavar="ENVIRONMENT", help="A hotfix of what runs there.")
@click.option("--book", "books", multiple=True, metavar="PLACE=SHA", help="Which --from moves.")
@json_option
@click.pass_context
def cut(
    ctx: click.Context,
    no_commit: bool,
    version: str | None,
    source: str | None,
    books: tuple[str, ...],
    as_json: bool,
) -> None:
    """Pin every book of gitshelf.yml to a commit and build the kit.

    The pins are written to releases/VERSION.yml and committed; your repository's hooks and signing
    count. What is not committed in a book's repository is not part of the release.

    A release that breaks a rule under the manifest's `lint:`, or holds a private key or token, is
    refused (exit status 1). What may be there is listed: `lint: {secrets: {allow: [PATH]}}`.

    With --from it is a hotfix: what that environment runs, with the books of --book moved and
    nothing else.

    \b
    deploy-kit release cut
    deploy-kit release cut --no-commit
    deploy-kit release cut --from production --book salt=1f3870be274f6c49b3e31a0c6728957f6c5b1a2d
    """
    from deploykit.base.progress import Shown, Silent
    from deploykit.cli.ledger import ledger_of
    from deploykit.release.cutting import cut as run
    from deploykit.release.cutting import uncommitted

    site, ledger = site_of(ctx), ledger_of(ctx)
    progress = Silent() if no_commit else Shown(stderr())
    hotfix = _hotfix(site, ledger, source, books)
    done = run(
        site, ledger, commit=not no_commit, version=version, hotfix=hotfix, progress=progress
    )
    changed = uncommitted(site) if hotfix is None else []
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        listed = ", ".join(changed[:3])
        click.echo(f"not in the release, because not committed: {listed}{more}", err=True)
    found = done.release
    if as_json:
        print_json({**_json(found), "new": done.new, "committed": done.committed})
        return
    words = f"cut {found.version}" if done.new else f"already cut as {found.version}"
    click.echo(f"{words}  {found.digest}")


@release.command()
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="What each environment ran before.",
)
@click.option("--dry-run", is_flag=True, help="Only say which.")
@yes_option
@json_option
@click.pass_context
def prune(ctx: click.Context, keep: int, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Take away the kits that nothing can go back to. Asks.

    What environments run stays, what they ran before, and what was cut since. The pins of what goes
    stay too: its kit is built again, byte for byte, when somebody asks for it.

    \b
    deploy-kit release prune --dry-run
    deploy-kit release prune --keep 5 --yes
    """
    from deploykit.cli.ledger import ledger_of
    from deploykit.release.pruning import remove_kits, spare_kits

    site = site_of(ctx)
    spare = spare_kits(site, ledger_of(ctx).known, keep)
    if as_json:
        print_json([{**_json(entry.release), "bytes": entry.bytes} for entry in spare])
    elif not spare:
        click.echo("nothing goes")
    else:
        for entry in spare:
            click.echo(f"{entry.release.version:<14} {entry.bytes / 1e6:8.1f} MB")
    if dry_run or not spare:
        return
    confirm_loss(f"the kits of {len(spare)} releases", yes)
    remove_kits(site, spare)
    if not as_json:
        freed = sum(entry.bytes for entry in spare)
        click.echo(f"{len(spare)} kits are gone: {freed / 1e6:.1f} MB")


def _hotfix(
    site: Site, ledger: Ledger, environment: str | None, books: tuple[str, ...]
) -> Hotfix | None:
    """What --from and --book ask for; None for an ordinary release."""
    from deploykit.release.cutting import here_tokens
    from deploykit.release.hotfix import move_books

    if bool(books) != (environment is not None):
        raise click.UsageError("--from and --book go together")
    if environment is None:
        return None
    moves = dict(book.partition("=")[::2] for book in books)
    return move_books(site, ledger.known, environment, moves, here_tokens(site))


@release.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the releases, the newest last."""
    from deploykit.release import manifests, releases

    site = site_of(ctx)
    found = {one.version: one for one in releases(site)}
    if as_json:
        print_json([_json(one) for one in found.values()])
        return
    for version in manifests(site):
        kit = found[version].digest if version in found else "(its kit is not built here yet)"
        click.echo(f"{version:<14} {kit}")
    if not manifests(site):
        click.echo("no release yet: deploy-kit release cut")


@release.command()
@click.argument("text", metavar="RELEASE")
@json_option
@click.pass_context
def show(ctx: click.Context, text: str, as_json: bool) -> None:
    """Show RELEASE: its books at their commits, and where its files are."""
    from deploykit.cli.ledger import ledger_of
    from deploykit.release import find_release
    from deploykit.release.cutting import build_release
    from gitshelf import verify as prove

    site = site_of(ctx)
    found = build_release(site, ledger_of(ctx), find_release(site, text))
    books = prove(found.kit, digest=found.hex).lock.books
    if as_json:
        listed = [{"book": b.book, "commit": b.commit, "path": b.path} for b in books]
        print_json({**_json(found), "books": listed})
        return
    click.echo(f"version  {found.version}\ndigest   {found.digest}\nkit      {found.kit}")
    click.echo(f"pins     {found.manifest}\nbooks")
    for book in books:
        where = f" (its folder {book.path})" if book.path else ""
        click.echo(f"  {book.book or '.'}: {book.commit}{where}")


@release.command()
@click.argument("text", metavar="RELEASE")
@json_option
@click.pass_context
def verify(ctx: click.Context, text: str, as_json: bool) -> None:
    """Prove RELEASE: signed by one whom the ledger lets release, every file as pinned, and these
    pins those of that version."""
    from deploykit.cli.ledger import ledger_of
    from deploykit.ledger.kit_signers import kit_signers
    from deploykit.release import find_release
    from deploykit.release.cutting import build_release
    from deploykit.release.proof import prove

    site, ledger = site_of(ctx), ledger_of(ctx)
    found = build_release(site, ledger, find_release(site, text))
    proven = prove(found, ledger.known, kit_signers(ledger.known))
    if as_json:
        print_json({**_json(found), "signer": proven.signer, "bytes": proven.size})
    else:
        click.echo(
            f"{found.version} is proven: signed by {proven.signer}, "
            f"{len(proven.lock.books)} books, "
            f"{proven.size / 1e6:.1f} MB\n{found.digest}"
        )


release.add_command(diff)
release.add_command(sbom)


def _json(found: Release) -> dict[str, Any]:
    return {
        "version": found.version,
        "release": found.digest,
        "kit": str(found.kit),
        "manifest": str(found.manifest),
    }
