"""`deploy-kit job`: commands that run under an executor, here or on Jenkins."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import json_option, print_json, site_of

if TYPE_CHECKING:
    from deploykit.jobs import Executor

PAUSE = 0.3  # seconds between two looks


@click.group()
def job() -> None:
    """Jobs: what runs for a while, on this machine or on Jenkins (site.yml: `jobs`).

    \b
    deploy-kit job list
    deploy-kit job log ID
    deploy-kit job cancel ID
    """


@job.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the jobs, the oldest first."""
    from deploykit.base.times import human
    from deploykit.jobs.folder import state_json

    states = _executor(ctx).jobs()
    if as_json:
        print_json([state_json(state) for state in states])
        return
    for state in states:
        click.echo(
            f"{state.id:<24} {state.result or state.phase:<10} {human(state.requested)}  "
            f"{state.summary}".rstrip()
        )
    if not states:
        click.echo("no jobs")


@job.command()
@click.argument("id")
@click.pass_context
def log(ctx: click.Context, id: str) -> None:
    """Print what the job ID has printed so far, without its secrets."""
    click.echo(_executor(ctx).log_text(id), nl=False)


@job.command()
@click.argument("id")
@click.pass_context
def cancel(ctx: click.Context, id: str) -> None:
    """End the job ID and all that it started."""
    executor = _executor(ctx)
    executor.cancel(id)
    click.echo(f"{id}: {executor.poll(id).result}")


@job.command()
@click.option("--days", default=14, show_default=True, type=click.IntRange(0), help="Keep these.")
@click.pass_context
def forget(ctx: click.Context, days: int) -> None:
    """Remove the logs of jobs that ended days ago."""
    from datetime import timedelta

    from deploykit.base.times import utc_now

    count = _executor(ctx).forget(utc_now() - timedelta(days=days))
    click.echo(f"removed {count}")


@job.command(context_settings={"ignore_unknown_options": True})
@click.argument("id")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--timeout", default=3600.0, show_default=True, help="Seconds it may take.")
@click.option("--item", default="by hand", help="Whom it is for.")
@click.pass_context
def run(ctx: click.Context, id: str, command: tuple[str, ...], timeout: float, item: str) -> int:
    """Run COMMAND as the job ID and wait for it. It goes on if this is closed.

    Exit status 0 if it passed, 1 if it failed, 2 if it could not be run.

    \b
    deploy-kit job run try-1 -- make test-fast
    """
    import os

    from deploykit.jobs import JobSpec

    spec = JobSpec(id, item, command, os.getcwd(), timeout=timeout)  # noqa: PTH109 (a text)
    executor = _executor(ctx)
    executor.start(spec)
    return _follow(executor, id)


@job.command()
@click.pass_context
def work(ctx: click.Context) -> int:
    """Do as a worker of Jenkins: run the job of $JOB_SPEC on this machine.

    Exit status 0 if it passed, 1 if it failed, 2 if it could not be run. Stopped, it ends the job.
    """
    import os

    from deploykit.jobs.jenkins import worker_line
    from deploykit.jobs.local import for_site
    from deploykit.jobs.worker import spec_of

    spec = spec_of(os.environ)
    executor = for_site(site_of(ctx))
    executor.start(spec)
    try:
        status = _follow(executor, spec.id)
    except KeyboardInterrupt:
        executor.cancel(spec.id)
        raise
    finally:
        click.echo(worker_line(spec.id, executor.poll(spec.id)))
    return status


def _executor(ctx: click.Context) -> Executor:
    from deploykit.jobs import executor_for

    return executor_for(site_of(ctx))


def _follow(executor: Executor, id: str) -> int:
    """Print the job's log as it comes; returns the exit status that its result has."""
    from deploykit.jobs import Result

    shown = 0
    while True:
        state = executor.poll(id)
        text = executor.log_text(id, shown)
        click.echo(text, nl=False)
        sys.stdout.flush()
        shown += len(text.encode())
        if not state.running:
            break
        time.sleep(PAUSE)
    statuses = {Result.PASSED: 0, Result.FAILED: 1, Result.TIMED_OUT: 1}
    return statuses.get(state.result or Result.LOST, 2)
