"""`deploy-kit release sbom`: what a release is made of, for machines."""

from __future__ import annotations

import click

from deploykit.cli.app import print_json, site_of
from deploykit.cli.ledger import ledger_of
from deploykit.cli.page import release_named, runs_in


@click.command("sbom")
@click.argument("text", metavar="RELEASE")
@click.option("--over", metavar="A", help="Also the DSA and CVE numbers closed since A.")
@click.pass_context
def sbom(ctx: click.Context, text: str, over: str | None) -> None:
    """Print what RELEASE is made of as CycloneDX 1.5: its books, and the vendor packages that it
    pins, each with the roles that have it.

    A is a release, or an environment: then what that runs. The numbers are those that the packages'
    own changelogs name.

    \b
    deploy-kit release sbom latest > sbom.cdx.json
    deploy-kit release sbom latest --over production
    """
    from deploykit.release.packages import vendor_change
    from deploykit.release.sbom import read_sbom

    site, ledger = site_of(ctx), ledger_of(ctx)
    new = release_named(site, ledger, text)
    before = runs_in(ledger.known, over)[1] if over is not None else None
    old = release_named(site, ledger, before) if before is not None else None
    change = vendor_change(site, old, new) if old is not None else None
    print_json(read_sbom(site, new, change.changes if change else ()))
