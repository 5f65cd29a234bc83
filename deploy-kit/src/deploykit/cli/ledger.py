"""`deploy-kit status`, `history` and `ledger`: what is recorded, and who says so."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploykit.base import times
from deploykit.cli.app import (
    json_option,
    key_option,
    print_json,
    shown_progress,
    site_of,
    tell_unreadable,
    yes_option,
)
from deploykit.cli.ledger_care import accept, end_lease, hook, mend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploykit.ledger import Ledger
    from deploykit.ledger.records import Record
    from deploykit.site import Site

ROLES = ("admin", "operator", "release-manager", "approver", "custodian")
LINES = 500  # of a history that nobody said the length of


def ledger_of(ctx: click.Context, key: Path | None = None) -> Ledger:
    """The ledger of this call's site."""
    from deploykit.ledger import Ledger
    from deploykit.site.keys import named_key

    site = site_of(ctx)
    opened = Ledger.open(site, named_key(site, key), progress=shown_progress)
    if opened.fault is not None:
        click.echo(
            f"warning: {opened.fault.message}\n"
            f"  going on with the {len(opened.known)} records before it; {opened.fault.remedy}",
            err=True,
        )
    return opened


@click.command()
@click.option("--watch", is_flag=True, help="Show it again every few seconds, until Ctrl-C.")
@json_option
@click.pass_context
def status(ctx: click.Context, watch: bool, as_json: bool) -> None:
    """Show the board: what runs where, since when, on what evidence, and what is next.

    \b
    deploy-kit status
    deploy-kit status --watch
    """
    from deploykit.board import board
    from deploykit.board.as_json import board_json
    from deploykit.board.terminal import print_board

    if watch and as_json:
        raise click.UsageError("--watch is for people: deploy-kit web has JSON to ask again for")
    ledger, site = ledger_of(ctx), site_of(ctx)
    tell_unreadable(site)
    if watch:
        _watch(site, ledger)
    elif as_json:
        print_json(board_json(board(site, ledger.known)))
    else:
        print_board(site, ledger.known)


def _watch(site: Site, ledger: Ledger) -> None:
    from deploykit.base.console import for_tables
    from deploykit.board.watch import watch_board

    # Ctrl-C is how it ends, no failure.
    with contextlib.suppress(KeyboardInterrupt):
        watch_board(site, ledger, for_tables())


@click.command()
@click.argument("environment", required=False)
@click.option(
    "--last", type=click.IntRange(min=1), metavar="N", help="Show the last N records only."
)
@json_option
@click.pass_context
def history(ctx: click.Context, environment: str | None, last: int | None, as_json: bool) -> None:
    """Show what the ledger recorded, oldest first; of one ENVIRONMENT or of all.

    Of a long history the last lines are shown, unless --last says how many. With --json all are.

    \b
    deploy-kit history production
    deploy-kit history --last 20
    """
    from itertools import islice

    from deploykit.ledger.schema import Phase
    from deploykit.release import releases

    records = ledger_of(ctx).known
    if environment is not None:
        _known_environment(ctx, environment, records)
    wanted = (r for r in reversed(records) if environment is None or _is_about(r, environment))
    if as_json:
        shown = list(islice(wanted, last))[::-1]
        versions = _versions_in(records, shown)
        print_json([_record_json(record, versions) for record in shown])
        return
    lines = (record for record in wanted if record.body.get("phase") != Phase.RENEWED)
    shown = list(islice(lines, last or LINES))[::-1]
    if last is None and next(lines, None) is not None:
        click.echo(f"the last {LINES} of a longer history; more: --last N", err=True)
    here = {one.digest: one.version for one in releases(site_of(ctx))}
    _print_records(shown, {**here, **_versions_in(records, shown)})


@click.group()
def ledger() -> None:
    """Look at the ledger itself: records, signers, proof."""


@ledger.command()
@json_option
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Verify every record and signature from the first one on, without any cache.

    Also replays policy: an entry that it had not allowed is named, and the exit is 1. Records that
    this machine first saw later than they are dated are named too.
    """
    from deploykit.policy.replay import breaches

    opened = ledger_of(ctx)
    records = opened.reverify()
    against = breaches(records)
    if as_json:
        print_json(
            {
                "records": len(records),
                "genesis": records[0].commit,
                "head": records[-1].commit,
                "newest": times.iso(records[-1].time),
                "late": list(opened.late),
                "against_policy": [
                    {"n": breach.record.n, "reasons": [reason.code for reason in breach.reasons]}
                    for breach in against
                ],
            }
        )
        ctx.exit(1 if against else 0)
    click.echo(
        f"{len(records)} records verified, up to {records[-1].commit}; genesis {records[0].commit}"
    )
    click.echo(f"the newest is of {times.human(records[-1].time)}")
    for n in opened.late:
        click.echo(f"record {n}, by {records[n].actor}: dated before this machine last looked")
    for breach in against:
        click.echo(f"record {breach.record.n}, by {breach.record.actor}: entered against policy")
        for reason in breach.reasons:
            click.echo(f"  - {reason.text}")
    ctx.exit(1 if against else 0)


@ledger.command()
@click.argument("n", type=int)
@json_option
@click.pass_context
def show(ctx: click.Context, n: int, as_json: bool) -> None:
    """Show record N, all of it: as JSON, with --json or without."""
    from deploykit.base.errors import InputError

    records = ledger_of(ctx).known
    if not 0 <= n < len(records):
        raise InputError(f"there is no record {n}", f"there are 0 to {len(records) - 1}")
    print_json(_record_json(records[n], _versions_in(records, [records[n]])))


@ledger.command()
@click.option(
    "--allowed-signers", is_flag=True, help="Print those whose kits count, for ssh-keygen -Y."
)
@json_option
@click.pass_context
def signers(ctx: click.Context, allowed_signers: bool, as_json: bool) -> None:
    """Show who may sign what.

    \b
    deploy-kit ledger signers
    deploy-kit ledger signers --allowed-signers > allowed_signers
    """
    from rich.table import Table

    from deploykit.base.console import for_tables
    from deploykit.ledger.kit_signers import kit_signers
    from deploykit.ledger.view import signers_in_force

    held = ledger_of(ctx)
    if allowed_signers:
        click.echo(kit_signers(held.known), nl=False)
        return
    found = signers_in_force(held.known)
    if as_json:
        print_json(
            [
                {
                    "principal": signer.principal,
                    "key": signer.key,
                    "roles": sorted(signer.roles),
                    "addresses": sorted(signer.addresses),
                }
                for signer in found
            ]
        )
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Principal", "Key", "Roles", "Addresses"):
        table.add_column(title, no_wrap=title == "Key")
    for signer in found:
        words = (", ".join(sorted(entries)) for entries in (signer.roles, signer.addresses))
        table.add_row(signer.principal, signer.fingerprint, *words)
    for_tables().print(table)


@ledger.command()
@click.argument("principal")
@click.argument("keyfile", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--roles", required=True, help=f"Comma-separated: {', '.join(ROLES)}.", metavar="ROLE,..."
)
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="ADDRESS",
    help="Of their commits as an author, for policy that asks who wrote a release.",
)
@key_option
@click.pass_context
def trust(
    ctx: click.Context,
    principal: str,
    keyfile: Path,
    roles: str,
    addresses: tuple[str, ...],
    key: Path | None,
) -> None:
    """Let PRINCIPAL's key sign from now on, with these roles; what they had before is replaced.

    \b
    deploy-kit ledger trust jo@example.org jo.pub --roles operator,approver
    deploy-kit ledger trust jo@example.org jo.pub --roles approver --address jo@work.example.org
    """
    from deploykit.ledger.signers import trust as change

    record = change(ledger_of(ctx, key), principal, keyfile, roles.split(","), addresses)
    click.echo(f"record {record.n}: {principal} is trusted as {roles}")


@ledger.command()
@click.argument("principal")
@click.option(
    "--compromised-since",
    "since",
    metavar="N|TIME",
    help="The record, or time in UTC, since when somebody else had the key.",
)
@key_option
@click.pass_context
def distrust(ctx: click.Context, principal: str, since: str | None, key: Path | None) -> None:
    """Take every role from PRINCIPAL; what they signed before stays valid.

    With --compromised-since nothing counts that they signed from there on: approvals, waivers,
    evidence, releases.

    \b
    deploy-kit ledger distrust jo@example.org
    deploy-kit ledger distrust jo@example.org --compromised-since 2026-11-27T18:00:00Z
    """
    from deploykit.ledger.signers import distrust as change

    opened = ledger_of(ctx, key)
    first = _since(since, opened.known) if since is not None else None
    record = change(opened, principal, first)
    more = f"; nothing of record {first} and later counts" if first is not None else ""
    click.echo(f"record {record.n}: {principal} may sign no more{more}")


@ledger.command("separate-keys")
@yes_option
@click.pass_context
def separate_keys(ctx: click.Context, yes: bool) -> None:
    """Give each role of this site's one key a key of its own, by a signed record; admins only.

    For sites from before each role had one. The key of before stays an operator's.
    """
    from deploykit.ledger.signers import separate
    from deploykit.ledger.view import signers_in_force
    from deploykit.site.keys import Keyring

    if not yes:
        click.confirm("Let the key of before sign as an operator only?", abort=True, err=True)
    keyring, opened = Keyring(site_of(ctx)), ledger_of(ctx)
    record = separate(opened, keyring)
    own = {key.public for key in keyring.here().values()}
    click.echo(f"record {record.n}: this site's keys are")
    for signer in signers_in_force(opened.known):
        if signer.key in own:
            click.echo(f"  {signer.principal}: {', '.join(sorted(signer.roles))}")


def _since(text: str, records: Sequence[Record]) -> int:
    """The record number that --compromised-since means."""
    from deploykit.base import times
    from deploykit.base.errors import InputError
    from deploykit.ledger.signers import first_at

    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return first_at(records, times.parse(text))
    except ValueError as error:
        raise InputError(
            f"--compromised-since: {error}", "write a record's number or a time"
        ) from None


for _command in (accept, end_lease, hook, mend):
    ledger.add_command(_command)


def _known_environment(ctx: click.Context, environment: str, records: Sequence[Record]) -> None:
    from deploykit.ledger.view import policy_in_force

    if environment not in policy_in_force(records):
        site_of(ctx).environment(environment)


def _is_about(record: Record, environment: str) -> bool:
    """Whether the history of `environment` has `record`: it may be about all."""
    names = (record.body.get("environment"), record.body.get("edge"))
    return environment in names or (record.kind == "decision" and names[0] is None)


def _versions_in(records: Sequence[Record], shown: Sequence[Record]) -> dict[str, str]:
    """The versions of the releases that the records to be `shown` name, by digest."""
    from deploykit.ledger.view import version_of

    named = {record.body.get(field) for record in shown for field in ("release", "over")}
    found = {digest: version_of(records, digest) for digest in named if digest}
    return {digest: version for digest, version in found.items() if version is not None}


def _record_json(record: Record, versions: dict[str, str]) -> dict[str, Any]:
    from deploykit.base import times

    digest = record.body.get("release")
    named = {"version": versions[digest]} if digest in versions else {}
    return {
        "n": record.n,
        "time": times.iso(record.time),
        "actor": record.actor,
        "kind": record.kind,
        "commit": record.commit,
        **named,
        **record.body,
    }


def _print_records(shown: list[Record], versions: dict[str, str]) -> None:
    from rich.table import Table
    from rich.text import Text

    from deploykit.base import times
    from deploykit.base.console import for_tables
    from deploykit.ledger.words import describe

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("#", "Time (UTC)", "By"):
        table.add_column(title, no_wrap=True, justify="right" if title == "#" else "left")
    table.add_column("What", overflow="fold")
    for record in shown:
        what = Text(describe(record, versions))
        table.add_row(str(record.n), times.human(record.time), record.actor, what)
    for_tables().print(table)
