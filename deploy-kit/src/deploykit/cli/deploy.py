"""`deploy-kit deploy` and `deploy-kit rollback`."""

from __future__ import annotations

import click

from deploykit.cli.app import json_option, print_json, provider_option, work_of, yes_option


@click.command()
@click.argument("release")
@click.argument("environment")
@click.option(
    "--new-secrets",
    is_flag=True,
    help="Let a master that lost its secrets make other ones. Better: deploy-kit secrets restore.",
)
@provider_option
@json_option
@click.pass_context
def deploy(
    ctx: click.Context,
    release: str,
    environment: str,
    new_secrets: bool,
    provider: str | None,
    as_json: bool,
) -> None:
    """Deploy RELEASE in ENVIRONMENT, if policy lets it in.

    RELEASE is a version, the beginning of a digest, or 'latest'.

    \b
    deploy-kit deploy 2026.47.1 test
    deploy-kit deploy latest staging
    """
    from deploykit.cli.bugs import telling
    from deploykit.cli.ledger import ledger_of
    from deploykit.providers import resolve_instance
    from deploykit.release import find_release
    from deploykit.release.cutting import build_release
    from deploykit.train.deploy import deploy as run

    with work_of(ctx, "deploy") as work:
        env, _ = resolve_instance(work.site, environment, provider)
        ledger = ledger_of(ctx)
        found = build_release(work.site, ledger, find_release(work.site, release))
        with telling(work.site, ledger):
            run(work, ledger, found, env, new_secrets=new_secrets)
        _tell(environment, found.version, found.digest, as_json)


@click.command()
@click.argument("environment")
@click.option("--to", help="The release to go back to. Default: the one that ran before.")
@provider_option
@yes_option
@json_option
@click.pass_context
def rollback(
    ctx: click.Context,
    environment: str,
    to: str | None,
    provider: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Bring back what ENVIRONMENT ran before.

    \b
    deploy-kit rollback production
    deploy-kit rollback production --to 2026.46.2
    """
    from deploykit.cli.ledger import ledger_of
    from deploykit.providers import resolve_instance
    from deploykit.release import find_release
    from deploykit.release.cutting import build_release
    from deploykit.train.deploy import rollback as run

    with work_of(ctx, "rollback") as work:
        env, _ = resolve_instance(work.site, environment, provider)
        if env.protected and not yes:
            click.confirm(f"Roll {environment} back?", abort=True)
        ledger = ledger_of(ctx)
        wanted = build_release(work.site, ledger, find_release(work.site, to)) if to else None
        done = run(work, ledger, env, wanted)
        _tell(environment, done.version, done.digest, as_json)


def _tell(environment: str, version: str, digest: str, as_json: bool) -> None:
    if as_json:
        print_json({"environment": environment, "version": version, "release": digest})
    else:
        click.echo(f"{environment} runs {version}")
