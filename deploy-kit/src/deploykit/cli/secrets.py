"""`deploy-kit secrets`: list, rotate, give, forget, export and restore an environment's secrets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from deploykit.base import times
from deploykit.cli.app import (
    json_option,
    print_json,
    provider_option,
    recipient_option,
    sealed_file_option,
    stdout,
    work_of,
    yes_option,
)

DAY = 86400.0  # seconds


@click.group()
def secrets() -> None:
    """The secrets of an environment: on its master alone, and elsewhere encrypted."""


@secrets.command("list")
@click.argument("environment")
@provider_option
@json_option
@click.pass_context
def list_(ctx: click.Context, environment: str, provider: str | None, as_json: bool) -> None:
    """Show what secrets ENVIRONMENT has: kinds, roles and age; never values."""
    from rich.table import Table

    from deploykit.cli.reach import inventory_of
    from deploykit.secrets.store import listed

    with work_of(ctx, "secrets") as work:
        found = listed(work, inventory_of(work.site, environment, provider))
    if as_json:
        ends = [times.iso(one.ends) if one.ends else None for one in found]
        print_json([{**asdict(one), "ends": e} for one, e in zip(found, ends, strict=True)])
        return
    table = Table(box=None, pad_edge=False)
    for title in ("secret", "kind", "for", "age", ""):
        table.add_column(title)
    for one in found:
        state = f"ends {one.ends:%Y-%m-%d}" if one.ends else ""
        state = "rotated; deploy brings it to the services" if one.waiting else state
        table.add_row(one.name, one.kind, ", ".join(one.roles) or "nobody", _age(one.age), state)
    stdout().print(table)


@secrets.command()
@click.argument("environment")
@sealed_file_option
@recipient_option
@provider_option
@json_option
@click.pass_context
def export(
    ctx: click.Context,
    environment: str,
    file: Path | None,
    named: tuple[str, ...],
    provider: str | None,
    as_json: bool,
) -> None:
    """Save ENVIRONMENT's secrets, encrypted: what a rebuilt master needs to be the same.

    \b
    deploy-kit secrets export production
    deploy-kit secrets export production --to vault.age --recipient ~/.ssh/id_ed25519.pub
    """
    from deploykit.cli.ledger import ledger_of
    from deploykit.cli.reach import inventory_of
    from deploykit.secrets.sealing import named_recipient
    from deploykit.secrets.store import export as run

    readers = [named_recipient(text) for text in named]
    with work_of(ctx, "secrets") as work:
        inventory = inventory_of(work.site, environment, provider)
        target, header = run(work, ledger_of(ctx), inventory, file, readers)
    if as_json:
        print_json({"file": str(target), **asdict(header)})
    else:
        click.echo(
            f"{header.count} secrets of {environment}, its authority and its master's key: {target}"
        )
        click.echo(f"who can open it: {', '.join(header.recipients)}")


@secrets.command()
@click.argument("environment")
@click.option(
    "--from",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What 'secrets export' made.",
)
@click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Open it with this private key. Default: $DEPLOY_KIT_KEY, else the site's custodian's.",
)
@click.option("--yes", is_flag=True, help="Replace other values that the master has.")
@provider_option
@json_option
@click.pass_context
def restore(
    ctx: click.Context,
    environment: str,
    file: Path,
    key: Path | None,
    yes: bool,
    provider: str | None,
    as_json: bool,
) -> None:
    """Bring an export back to ENVIRONMENT's master, after it was rebuilt; then deploy.

    \b
    deploy-kit env up production
    deploy-kit secrets restore production --from vault.age
    deploy-kit deploy 2026.47.1 production
    """
    from deploykit.cli.ledger import ledger_of
    from deploykit.cli.reach import inventory_of
    from deploykit.secrets.sealing import read_header
    from deploykit.secrets.store import restore as run
    from deploykit.site.keys import named_key, opening_key

    with work_of(ctx, "secrets") as work:
        named = key.expanduser() if key else None
        if named is None and (given := named_key(work.site)) is not None:
            named = given.file
        private = named or opening_key(work.site, read_header(file).recipients)
        inventory = inventory_of(work.site, environment, provider)
        done = run(work, ledger_of(ctx), inventory, file, private, replace=yes)
    if as_json:
        print_json(asdict(done))
        return
    click.echo(f"{environment}: {done.count} secrets are back")
    for told, names in (
        ("replaced", done.replaced),
        ("kept, not in the export", done.kept),
    ):
        if names:
            click.echo(f"{told}: {', '.join(names)}")
    click.echo("bring them to the services: deploy-kit deploy RELEASE " + environment)


@secrets.command()
@click.argument("environment")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Every secret.")
@click.option("--undo", "back", is_flag=True, help="Take rotations back that were not deployed.")
@provider_option
@yes_option
@json_option
@click.pass_context
def rotate(
    ctx: click.Context,
    environment: str,
    names: tuple[str, ...],
    everything: bool,
    back: bool,
    provider: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """New values for secrets of ENVIRONMENT; the next deployment brings them to the services.

    Token keys go keystone's way: what was signed before is still accepted.

    \b
    deploy-kit secrets rotate production keystone_admin
    deploy-kit secrets rotate production --all
    deploy-kit secrets rotate production --undo
    """
    from deploykit.cli.ledger import ledger_of
    from deploykit.cli.reach import inventory_of
    from deploykit.secrets.store import rotate as run
    from deploykit.secrets.store import undo

    if [bool(names), everything, back].count(True) != 1:
        raise click.UsageError("name secrets, or --all, or --undo", ctx)
    with work_of(ctx, "secrets") as work:
        inventory = inventory_of(work.site, environment, provider)
        if everything and not yes:
            click.confirm(f"Rotate every secret of {environment}?", abort=True, err=True)
        ledger = ledger_of(ctx)
        if back:
            done = {"restored": undo(work, ledger, inventory)}
        else:
            done = run(work, ledger, inventory, names)
    if as_json:
        print_json(done)
        return
    for how, which in done.items():
        reason = " for a deployment since they were rotated last" if how == "waiting" else ""
        if which:
            click.echo(f"{how}{reason}: {', '.join(which)}")
    if done.get("rotated"):
        click.echo("bring them to the services: deploy-kit deploy RELEASE " + environment)
    elif not any(done.values()):
        click.echo("nothing to do")


@secrets.command()
@click.argument("environment")
@click.argument("name")
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM: the server's, then those of its issuers.",
)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM, without a passphrase.",
)
@click.option(
    "--value",
    "pairs",
    multiple=True,
    metavar="NAME=FILE",
    help="A value that others made, and what it is for; may be given again.",
)
@provider_option
@json_option
@click.pass_context
def give(
    ctx: click.Context,
    environment: str,
    name: str,
    certificate: Path | None,
    key: Path | None,
    pairs: tuple[str, ...],
    provider: str | None,
    as_json: bool,
) -> None:
    """Give ENVIRONMENT's master what others made, as the secret NAME.

    public_tls: a certificate of an authority outside. It is what outsiders see (`endpoints:
    {certificate: outside}` in the environment's file). Give the next one before it ends: status
    warns.

    people: the passwords by which keystone asks where people come from (`cloud: {directories: …}`
    in the environment's settings), each by the name of its domain, in a file.

    The next deployment brings it to the services.

    \b
    deploy-kit secrets give production public_tls --certificate cloud.pem --key cloud.key
    deploy-kit secrets give production people --value corporate=password.txt
    """
    from deploykit.cli.ledger import ledger_of
    from deploykit.cli.reach import inventory_of
    from deploykit.secrets import store

    files = dict(map(_named_file, pairs))
    if not (certificate and key and not files) and not (files and not certificate and not key):
        raise click.UsageError("give --certificate and --key, or at least one --value")
    with work_of(ctx, "secrets") as work:
        inventory = inventory_of(work.site, environment, provider)
        if certificate and key:
            done = store.give(work, ledger_of(ctx), inventory, name, certificate, key)
            told = f"{name} speaks for {', '.join(done['names'])} and ends {done['ends'][:10]}"
            answer: object = done
        else:
            names = store.give_values(work, ledger_of(ctx), inventory, name, files)
            told = f"{name} has what was given for {', '.join(names)}"
            answer = {"names": names}
    if as_json:
        print_json(answer)
        return
    click.echo(told)
    click.echo("bring it to the services: deploy-kit deploy RELEASE " + environment)


def _named_file(pair: str) -> tuple[str, Path]:
    name, _, file = pair.partition("=")
    if not name or not file:
        raise click.BadParameter(f"'{pair}' is not NAME=FILE", param_hint="--value")
    return name, Path(file)


@secrets.command()
@click.argument("environment")
@click.argument("name")
@provider_option
@json_option
@click.pass_context
def forget(
    ctx: click.Context, environment: str, name: str, provider: str | None, as_json: bool
) -> None:
    """Put the certificate away that ENVIRONMENT's master was given as the secret NAME.

    One that outsiders see is refused: give another in its place, or take `certificate: outside` out
    of the environment's file and deploy. Its key is gone from the master; exports keep it.

    \b
    deploy-kit secrets forget production public_tls
    """
    from deploykit.cli.ledger import ledger_of
    from deploykit.cli.reach import inventory_of
    from deploykit.secrets.store import forget as run

    with work_of(ctx, "secrets") as work:
        run(work, ledger_of(ctx), inventory_of(work.site, environment, provider), name)
    if as_json:
        print_json({"forgotten": name})
        return
    click.echo(f"{name}: the certificate that was given is gone")


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return f"{seconds / DAY:.0f} d" if seconds >= DAY else f"{seconds / 3600:.1f} h"
