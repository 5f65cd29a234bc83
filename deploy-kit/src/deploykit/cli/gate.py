"""`deploy-kit gate`: run the merge gate, look at its queues, and what people decide of changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import json_option, key_option, print_json, site_of, why_option
from deploykit.cli.ledger import ledger_of

if TYPE_CHECKING:
    from deploykit.gate.changes import Change
    from deploykit.gate.facts import Reading
    from deploykit.gate.site import Opened


@click.group()
def gate() -> None:
    """The merge gate: a change is merged if it passed on what will be there by then."""


@gate.command()
@click.pass_context
def run(ctx: click.Context) -> None:
    """Run the gate until it is interrupted; a killed one goes on where it was.

    \b
    deploy-kit gate run
    """
    from deploykit.gate.loop import run_gate

    opened = _open_gate(ctx)
    click.echo(f"gate of {opened.gate.config.access.url}", err=True)
    run_gate(opened.gate, opened.event_words, opened.lock)


@gate.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show the queues: what is in them, on what it is tested, and what waits for something."""
    from deploykit.gate.standing import queue_lines, queues_json

    opened = _open_gate(ctx)
    reading = opened.gate.reader.read()
    queues = queues_json(opened.gate, reading)
    if as_json:
        print_json(queues)
    else:
        for line in queue_lines(queues):
            click.echo(line)


@gate.command()
@click.argument("item")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_context
def checkout(ctx: click.Context, item: str, folder: Path) -> None:
    """Lay out in FOLDER every project as ITEM (a change's number) is tested on it.

    \b
    deploy-kit gate checkout 17 /tmp/17
    """
    from deploykit.base.errors import InputError
    from deploykit.gate.checkout import check_out

    opened = _open_gate(ctx)
    plan = opened.gate.work.latest(item)
    if plan is None:
        raise InputError(f"no build of '{item}' is known", "deploy-kit gate status shows what is")
    check_out(plan.commits, opened.gate.trees.store, folder)
    click.echo(f"{folder}: {plan.item} on {plan.build.trees[:12]} ({plan.build.pipeline})")


@gate.command()
@click.argument("change")
@why_option
@key_option
@click.pass_context
def expedite(ctx: click.Context, change: str, reason: str, key: Path | None) -> None:
    """Put CHANGE, and what it needs, to the head of its queue. No test is left out."""
    _decide(ctx, key, "expedite", change, reason)


@gate.command()
@click.argument("change")
@why_option
@key_option
@click.pass_context
def dequeue(ctx: click.Context, change: str, reason: str, key: Path | None) -> None:
    """Take CHANGE out of its queue until somebody asks for it again."""
    _decide(ctx, key, "dequeue", change, reason)


@gate.command("export-zuul")
@click.argument("folder", metavar="[DIR]", default="zuul",
                type=click.Path(file_okay=False, path_type=Path))  # fmt: skip
@click.option("--project", default="project-config", show_default=True,
              help="The project that keeps Zuul's configuration.")  # fmt: skip
@click.pass_context
def export_zuul(ctx: click.Context, folder: Path, project: str) -> None:
    """Write projects, pipelines, jobs and queues as Zuul's configuration into DIR (zuul).

    What gate.yml says and Zuul cannot is told.

    \b
    deploy-kit gate export-zuul /tmp/zuul
    """
    from deploykit.base import files
    from deploykit.base.errors import InputError
    from deploykit.gate.config import config_file, read_config
    from deploykit.gate.job import PROJECT
    from deploykit.gate.zuul import exported, left_out

    site = site_of(ctx)
    config = read_config(config_file(site.folder))
    if not PROJECT.fullmatch(project) or project in config.projects:
        raise InputError(f"'{project}' cannot keep Zuul's configuration",
                         "name a project of its own, which no queue has")  # fmt: skip
    for path, text in exported(config, site.name, project).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write(file, text)
        click.echo(file)
    for line in left_out(config):
        click.echo(f"left out: {line}", err=True)


def _open_gate(ctx: click.Context) -> Opened:
    from deploykit.gate.site import open_gate

    return open_gate(site_of(ctx), ledger_of(ctx), lambda line: click.echo(line))


def _decide(ctx: click.Context, key: Path | None, act: str, change: str, reason: str) -> None:
    from deploykit.ledger.bodies import gate_body
    from deploykit.ledger.words import describe

    opened = _open_gate(ctx)
    approved = _approved_change(opened.gate.reader.read(), change)
    ledger = ledger_of(ctx, key)
    body = gate_body(
        act, change=approved.id, commit=approved.commit, ask=approved.ask, reason=reason
    )
    record = ledger.append(lambda records, now: body)
    click.echo(f"record {record.n}: {describe(record)}")


def _approved_change(reading: Reading, id: str) -> Change:
    from deploykit.base.errors import InputError

    change = reading.changes.get(id)
    if change is None or not change.open:
        raise InputError(f"there is no open change '{id}' in the gate's projects")
    if not change.approved or not change.ask:
        raise InputError(f"change {id} is not approved for merging, so it is in no queue")
    return change
