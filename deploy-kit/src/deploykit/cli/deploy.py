"""`deploy-kit deploy`, `deploy-kit rollback` and `deploy-kit renew`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import (
    json_option,
    mean_option,
    print_json,
    provider_option,
    work_of,
    yes_option,
)

if TYPE_CHECKING:
    from deploykit.rollout.database import Before


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
@click.option(
    "--restore",
    is_flag=True,
    help="With the database of before, from the backup that the deployment took.",
)
@provider_option
@mean_option
@yes_option
@json_option
@click.pass_context
def rollback(
    ctx: click.Context,
    environment: str,
    to: str | None,
    restore: bool,
    provider: str | None,
    yes_i_mean: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Bring back what ENVIRONMENT ran before.

    Where the release of now moved what the one of before cannot read, that takes `--restore`, and
    what was written since then is lost; it says since when, and asks.

    \b
    deploy-kit rollback production
    deploy-kit rollback production --to 2026.46.2
    deploy-kit rollback production --restore
    """
    from deploykit.cli.confirm import confirm
    from deploykit.cli.ledger import ledger_of
    from deploykit.providers import resolve_instance
    from deploykit.release import find_release
    from deploykit.release.cutting import build_release
    from deploykit.train.rollback import go_back, plan_rollback

    with work_of(ctx, "rollback") as work:
        env, instance = resolve_instance(work.site, environment, provider)
        if env.protected and not yes and not restore:
            click.confirm(f"Roll {environment} back?", abort=True)
        ledger = ledger_of(ctx)
        wanted = build_release(work.site, ledger, find_release(work.site, to)) if to else None
        plan = plan_rollback(work, ledger, env, wanted, restore=restore)
        if plan.backup is not None:
            confirm(work.site, [instance], yes, yes_i_mean, loss_of(environment, plan.backup))
        go_back(work, ledger, env, plan)
        _tell(environment, plan.to.version, plan.to.digest, as_json)


def loss_of(environment: str, backup: Before) -> str:
    """What going back to a backup takes away, in words that follow 'this'."""
    from deploykit.base import times

    return (
        f"takes from every database of {environment} what was written since "
        f"{times.human(backup.taken)} (backup {backup.name})"
    )


@click.command()
@click.argument("environment")
@click.option(
    "--after", default="25d", show_default=True, help="Not before the last deployment is so old."
)
@click.option("--now", is_flag=True, help="However young the last deployment is.")
@provider_option
@json_option
@click.pass_context
def renew(
    ctx: click.Context, environment: str, after: str, now: bool, provider: str | None, as_json: bool
) -> None:
    """Deploy what ENVIRONMENT runs again, in good time before what ends does.

    For a timer, once a day. Certificates with less than 60 days left are made anew, rings of token
    keys turn. Then the environment is looked at: exit status 1 if its backups are too old or
    something is about to end all the same.

    \b
    deploy-kit renew production
    deploy-kit renew production --now
    """
    from datetime import timedelta

    from deploykit.base.errors import InputError
    from deploykit.base.times import seconds_of
    from deploykit.cli.ledger import ledger_of
    from deploykit.providers import resolve_instance
    from deploykit.train.renewal import renew as run

    try:
        age = timedelta(seconds=0 if now else seconds_of(after))
    except ValueError as error:
        raise InputError(f"--after: {error}", "90s, 15m, 2h or 25d") from None
    with work_of(ctx, "renew") as work:
        env, _ = resolve_instance(work.site, environment, provider)
        done = run(work, ledger_of(ctx), env, age)
    if as_json:
        print_json(asdict(done))
    else:
        did = "was deployed again" if done.deployed else "was deployed not long ago"
        click.echo(f"{environment}: {done.version} {did}")
        for text in done.late:
            click.echo(f"late: {text}")
    ctx.exit(1 if done.late else 0)


def _tell(environment: str, version: str, digest: str, as_json: bool) -> None:
    if as_json:
        print_json({"environment": environment, "version": version, "release": digest})
    else:
        click.echo(f"{environment} runs {version}")
