"""`deploy-kit train` and `deploy-kit promote`."""

from __future__ import annotations

import click

from deploykit.cli.app import work_of


@click.command()
@click.argument("release", default="latest")
@click.option("--to", "last", help="The last environment to enter. Default: the end of the line.")
@click.pass_context
def train(ctx: click.Context, release: str, last: str | None) -> None:
    """Carry RELEASE through the environments: deploy, check, record, ask policy, go on.

    RELEASE is a version, the beginning of a digest, or 'latest' (the default). Ends with the
    board. A train that was stopped goes on where it was when it is run again.

    \b
    deploy-kit train
    deploy-kit train 2026.47.1 --to staging
    """
    from rich.markup import escape

    from deploykit.base.errors import InputError
    from deploykit.board.terminal import print_board
    from deploykit.cli.bugs import telling
    from deploykit.cli.ledger import ledger_of
    from deploykit.release import find_release
    from deploykit.release.cutting import build_release
    from deploykit.site.environment import chain
    from deploykit.train.line import run_train

    with work_of(ctx, "train") as work:
        ledger = ledger_of(ctx)
        if last is not None:
            work.site.environment(last)
        line = chain(work.site.environments(), last)
        if not line:
            raise InputError(
                f"no environment of {work.site.folder} has 'promotion.from', so there is no line",
                f"deploy-kit train --to ENVIRONMENT, or deploy-kit deploy {release} ENVIRONMENT",
            )
        found = build_release(work.site, ledger, find_release(work.site, release))
        work.progress.say(
            f"Release {found.version} goes to {' → '.join(env.name for env in line)}; "
            f"logs: {escape(str(work.logs))}"
        )
        with telling(work.site, ledger):
            run_train(work, ledger, found, line)
        print_board(work.site, ledger.fetch_records())
        click.echo(what_next([env.name for env in line]))


def what_next(names: list[str]) -> str:
    """The commands with which one goes on after a train through the environments `names`."""
    first, last = names[0], names[-1]
    rows = (
        (f"deploy-kit env ssh {first} salt", "a shell on a node"),
        ("git commit … && make train", "a changed state, on the next train"),
        (f"deploy-kit rollback {last}", "the release before"),
        (f"deploy-kit history {last}", "who did what"),
        ("deploy-kit env down --all", "take everything down"),
    )
    return "\nGo on with\n" + "\n".join(f"  {command:<36} {why}" for command, why in rows)


@click.command()
@click.argument("release")
@click.argument("environment")
@click.pass_context
def promote(ctx: click.Context, release: str, environment: str) -> None:
    """Promote RELEASE into ENVIRONMENT on the evidence there is, or tell why not.

    `deploy-kit train` gathers missing evidence first; this asks policy as things stand.

    \b
    deploy-kit promote 2026.47.1 production
    """
    from deploykit.cli.bugs import telling
    from deploykit.cli.ledger import ledger_of
    from deploykit.ledger.schema import Purpose
    from deploykit.release import find_release
    from deploykit.release.cutting import build_release
    from deploykit.train.deploy import deploy

    with work_of(ctx, "promote") as work:
        env = work.site.environment(environment)
        ledger = ledger_of(ctx)
        found = build_release(work.site, ledger, find_release(work.site, release))
        with telling(work.site, ledger):
            deploy(work, ledger, found, env, Purpose.PROMOTE)
        click.echo(f"{environment} runs {found.version}")
