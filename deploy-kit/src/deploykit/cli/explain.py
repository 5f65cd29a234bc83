"""`deploy-kit explain` and `simulate`: a verdict of policy as a table, and what if."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploykit.cli.app import json_option, print_json, site_of, stdout
from deploykit.cli.ledger import ledger_of

if TYPE_CHECKING:
    from deploykit.ledger import Ledger
    from deploykit.policy.case import Case
    from deploykit.policy.explanation import Row
    from deploykit.policy.simulation import Entry
    from deploykit.site import Site

folder_option = click.option(
    "--environments",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="By the policy of the environment files there, in the place of the site's.",
)


@click.command()
@click.argument("text", metavar="RELEASE")
@click.argument("environment")
@json_option
@click.pass_context
def explain(ctx: click.Context, text: str, environment: str, as_json: bool) -> None:
    """Say rule by rule whether RELEASE may enter ENVIRONMENT now; exit status 1 if not.

    \b
    deploy-kit explain latest production
    """
    from deploykit.policy.explanation import explain as rows_of

    _tell(ctx, rows_of(case_of(site_of(ctx), ledger_of(ctx), text, environment)), as_json)


@click.group()
def simulate() -> None:
    """What if: an entry at another time or with approvals, history by another policy."""


@simulate.command()
@click.argument("text", metavar="RELEASE")
@click.argument("environment")
@click.option("--at", metavar="TIME", help="As of then, in UTC: 2026-12-24T18:00:00Z.")
@click.option("--approved-by", multiple=True, metavar="PERSON", help="As if they had approved.")
@click.option("--waived", multiple=True, metavar="CHECK", help="As if it were waived.")
@click.option("--files", is_flag=True, help="By the policy of the environment files.")
@folder_option
@json_option
@click.pass_context
def entry(
    ctx: click.Context,
    text: str,
    environment: str,
    at: str | None,
    approved_by: tuple[str, ...],
    waived: tuple[str, ...],
    files: bool,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Say rule by rule whether RELEASE could enter ENVIRONMENT; exit status 1 if not.

    \b
    deploy-kit simulate entry latest production --at 2026-12-24T18:00:00Z
    deploy-kit simulate entry latest production --approved-by jo@example.org --files
    """
    from dataclasses import replace

    from deploykit.base.errors import InputError
    from deploykit.policy.explanation import explain as rows_of
    from deploykit.policy.simulation import suppose
    from deploykit.site.keys import PRINCIPAL

    for person in approved_by:
        if not PRINCIPAL.fullmatch(person):
            raise InputError(f"'{person}' cannot be a signer's name", "deploy-kit ledger signers")
    case = case_of(site_of(ctx), ledger_of(ctx), text, environment, files=files, folder=folder)
    if at is not None:
        case = replace(case, now=_time(at))
    _tell(ctx, rows_of(suppose(case, approved_by, waived)), as_json)


@simulate.command()
@folder_option
@json_option
@click.pass_context
def history(ctx: click.Context, folder: Path | None, as_json: bool) -> None:
    """Judge every entry of the past by the policy of the environment files.

    Shown are those that it would have refused and the policy of then let in, and the other way
    round; exit status 1 if there are any. `deploy-kit policy apply` puts those files in force.

    \b
    deploy-kit simulate history
    deploy-kit simulate history --environments stricter
    """
    from deploykit.ledger.view import versions_of
    from deploykit.policy.simulation import replay

    records = ledger_of(ctx).known
    entries = replay(records, site_of(ctx).promotions(folder))
    changed = [entry for entry in entries if bool(entry.then) != bool(entry.now)]
    if as_json:
        print_json({"entries": len(entries), "changed": [_entry_json(e) for e in changed]})
        ctx.exit(1 if changed else 0)
    versions = versions_of(records)
    for past in changed:
        body = past.record.body
        verb = "would have been refused" if past.now else "would have been let in"
        version = versions[body["release"]]
        click.echo(f"record {past.record.n}: {version} into {body['environment']} {verb}")
        for reason in past.now or past.then:
            click.echo(f"  - {reason.text}")
    click.echo(f"{len(entries)} entries judged; of {len(changed)} the answer would be another")
    ctx.exit(1 if changed else 0)


def case_of(
    site: Site,
    ledger: Ledger,
    text: str,
    environment: str,
    *,
    files: bool = False,
    folder: Path | None = None,
) -> Case:
    """The question whether a release may enter now; by the policy in force, or of the `files`, or
    of those in another `folder`."""
    from deploykit.base.errors import InputError
    from deploykit.base.times import utc_now
    from deploykit.base.yamlfile import nearest
    from deploykit.checks import check_names
    from deploykit.ledger.view import Released, policy_in_force
    from deploykit.policy.case import Case
    from deploykit.release import named_release

    proposed = files or folder is not None
    policy = site.promotions(folder) if proposed else policy_in_force(ledger.known)
    if environment not in policy:
        known = nearest(environment, frozenset(policy))
        raise InputError(f"policy knows no environment '{environment}'", known)
    digest, version = named_release(site, ledger.known, text)
    now = utc_now()
    return Case(
        release=Released(digest, version, None, 0, now, ""),
        environment=environment,
        records=ledger.known,
        now=now,
        rule=policy[environment],
        own_deploy=None,
        runnable=check_names(),
        asker=ledger.operator,
    )


def _time(text: str) -> datetime:
    from deploykit.base import times
    from deploykit.base.errors import InputError

    try:
        return times.parse(text)
    except ValueError as error:
        raise InputError(f"--at: {error}") from None


def _tell(ctx: click.Context, rows: tuple[Row, ...], as_json: bool) -> None:
    allowed = all(row.met for row in rows)
    if as_json:
        print_json({"allowed": allowed, "rules": [asdict(row) for row in rows]})
    else:
        _print(rows, allowed)
    ctx.exit(0 if allowed else 1)


def _print(rows: tuple[Row, ...], allowed: bool) -> None:
    from rich.text import Text

    from deploykit.base.times import with_local

    width = max(len(row.rule) for row in rows)
    for row in rows:
        mark = ("✓", "green") if row.met else ("✗", "red")
        shown = Text.assemble(mark, f"  {row.rule:<{width}}  {with_local(row.text)}")
        stdout().print(shown, soft_wrap=True)
    remedies = dict.fromkeys(row.remedy for row in rows if row.remedy)
    click.echo("\nit may enter" if allowed else "\nit may not enter; what helps:")
    for line in (line for remedy in remedies for line in remedy.splitlines()):
        click.echo(f"  {with_local(line)}")


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "n": entry.record.n,
        "environment": entry.record.body["environment"],
        "release": entry.record.body["release"],
        "then": [reason.code for reason in entry.then],
        "now": [reason.code for reason in entry.now],
    }
