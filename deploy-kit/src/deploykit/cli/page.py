"""`deploy-kit release diff`: the page that an approver reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import json_option, print_json, shown_progress, site_of
from deploykit.cli.ledger import ledger_of

if TYPE_CHECKING:
    from deploykit.ledger import Ledger
    from deploykit.ledger.records import Record
    from deploykit.release import Release
    from deploykit.release.page import Page
    from deploykit.site import Site

FORMS = ("text", "markdown", "html")
SUFFIXES = {"text": "txt", "markdown": "md", "html": "html"}


@click.command("diff")
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True)
@json_option
@click.pass_context
def diff(ctx: click.Context, old: str, new: str, form: str, as_json: bool) -> None:
    """Show what release B has and A has not: commits, what Salt would make otherwise on each role,
    the way back, vendor packages with the DSA and CVE numbers that they close, evidence.

    A is a release, or an environment: then what that runs, its nodes, and its policy's answer. The
    page has a digest, of what does not change with time; `approve --page` says which page was read.

    \b
    deploy-kit release diff production latest
    deploy-kit release diff 2026.46.1 2026.47.1 --format html > page.html
    """
    from deploykit.board.approval import live_of
    from deploykit.board.approval_page import page_json, render_page
    from deploykit.cli.explain import case_of
    from deploykit.site.going_back import way_back

    site, ledger = site_of(ctx), ledger_of(ctx)
    records = ledger.known
    environment, before = runs_in(records, old)
    page = page_of(site, ledger, before, new, environment)
    case = case_of(site, ledger, page.release.digest, environment) if environment else None
    over = page.over.digest if page.over else None
    way = way_back(page.moves, _roles(site, environment))
    live = live_of(records, over, page.release.digest, case)
    document = page_json(page, live, way, environment)
    if as_json:
        print_json(document)
    else:
        click.echo(render_page(page, live, document, SUFFIXES[form]), nl=False)


def page_of(
    site: Site, ledger: Ledger, over: str | None, release: str, environment: str | None
) -> Page:
    """The page of the edge between two releases, by any of their names (`over` None for nothing),
    for an environment if there is one.

    Their kits are built if they are not here. Raises InputError, GitshelfError.
    """
    from deploykit.board.edge import read_whole_page

    old = release_named(site, ledger, over) if over is not None else None
    new = release_named(site, ledger, release)
    return read_whole_page(site, old, new, environment, shown_progress())


def _roles(site: Site, environment: str | None) -> frozenset[str] | None:
    """The roles of an environment's nodes; None where there is no file of it here."""
    found = site.read_environments().environments.get(environment or "")
    return found.roles if found else None


def runs_in(records: Sequence[Record], text: str) -> tuple[str | None, str | None]:
    """The environment that `text` names and the digest of what that runs, None for nothing; of a
    release's name None, and that name."""
    from deploykit.ledger.view import policy_in_force, running

    if text not in policy_in_force(records):
        return None, text
    runs = running(records, text)
    return text, runs.digest if runs else None


def release_named(site: Site, ledger: Ledger, text: str) -> Release:
    """The release that `text` names, in the ledger or here; its kit is built if it is not here.

    Raises InputError, GitshelfError.
    """
    from deploykit.release import named_release, release_of
    from deploykit.release.cutting import build_release

    digest, _ = named_release(site, ledger.known, text)
    return build_release(site, ledger, release_of(site, ledger.known, digest))
