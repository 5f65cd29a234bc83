"""`deploy-kit evidence`: what no train gathers, since nobody asks for it or it cannot run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import json_option, key_option, print_json, provider_option, site_of, work_of
from deploykit.cli.ledger import ledger_of

if TYPE_CHECKING:
    from deploykit.checks import Packages
    from deploykit.site import Site
    from deploykit.site.environment import Environment


@click.group()
def evidence() -> None:
    """Evidence that no train gathers: of tests of one's own, or of a check by hand."""


@evidence.command()
@click.argument("check")
@click.argument("environment")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@provider_option
@key_option
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    check: str,
    environment: str,
    file: Path,
    provider: str | None,
    key: Path | None,
    as_json: bool,
) -> None:
    """Record the results in FILE as evidence of CHECK for what ENVIRONMENT runs now.

    FILE is JUnit XML, as pytest, tempest, rally and most others write it. Any failure, any error,
    or nothing but skipped tests is a failed attempt, and exits with 1. Results of tests that began
    before the last deployment there are refused. A CHECK that `promotion.checks` names lets a
    release go on from ENVIRONMENT; the train's own checks cannot be added.

    \b
    deploy-kit evidence add tempest staging tempest.xml
    """
    from deploykit.evidence.external import add as record_results
    from deploykit.evidence.external import demand_outside
    from deploykit.evidence.junit import read_results
    from deploykit.ledger.schema import Result
    from deploykit.ledger.view import versions_of
    from deploykit.ledger.words import describe

    site = site_of(ctx)
    demand_outside(check)
    place = named_environment(site, environment, provider)
    results = read_results(file)
    ledger = ledger_of(ctx, key)
    record = record_results(ledger, check, place.name, results, lambda: versions_on(site, place))
    versions = versions_of(ledger.known)
    counts = ("tests", "failures", "errors", "skipped")
    if as_json:
        told = {"n": record.n, "version": versions[record.body["release"]], **record.body}
        print_json({**told, **{count: getattr(results, count) for count in counts}})
    else:
        click.echo(f"record {record.n}: {describe(record, versions)}")
    ctx.exit(0 if record.body["result"] == Result.PASSED else 1)


@evidence.command()
@click.argument("check")
@click.argument("environment")
@provider_option
@json_option
@click.pass_context
def gather(
    ctx: click.Context, check: str, environment: str, provider: str | None, as_json: bool
) -> None:
    """Run CHECK on what ENVIRONMENT runs now, and record what it finds.

    A train runs the checks that policy asks for by itself; this one is run whether or not it does.
    Exits with 1 if it failed.

    \b
    deploy-kit evidence gather smoke test
    """
    from deploykit.checks import check_named
    from deploykit.ledger.schema import Result
    from deploykit.train.line import check_now

    with work_of(ctx, "gather") as work:
        place = named_environment(work.site, environment, provider)
        outcome = check_now(work, ledger_of(ctx), check_named(check), place)
    told = {"check": check, "environment": place.name, "result": outcome.result}
    if as_json:
        print_json({**told, "summary": outcome.summary})
    else:
        click.echo(f"{check} in {place.name}: {outcome.result}: {outcome.summary}")
    ctx.exit(0 if outcome.result == Result.PASSED else 1)


def named_environment(site: Site, named: str, provider: str | None) -> Environment:
    """The environment whose own nodes a person names. Raises InputError for a throwaway copy."""
    from deploykit.base.errors import InputError
    from deploykit.providers import resolve_instance

    environment, instance = resolve_instance(site, named, provider)
    if instance != environment.instance:
        raise InputError(
            f"{instance} is a copy, of which the ledger does not know what it runs",
            f"results are of {environment.instance}'s own nodes",
        )
    return environment


def versions_on(site: Site, environment: Environment) -> Packages:
    """The package versions of an environment's nodes; none, with a word of why, if they are away.

    The tests may have run where nodes are reached from, and be recorded elsewhere.
    """
    from deploykit.base.errors import DeployKitError
    from deploykit.nodes.packages import packages_by_role
    from deploykit.nodes.ssh import reachable
    from deploykit.providers import provider_for

    try:
        provider = provider_for(site, environment)
        inventory = provider.inventory(environment, environment.instance)
        reachable(inventory)
        return packages_by_role(inventory)
    except DeployKitError as error:
        click.echo(f"recorded without versions of packages: {error.message}", err=True)
        return {}
