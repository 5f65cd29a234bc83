"""`deploy-kit drift`: what nodes are against the release that they run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from deploykit.cli.app import json_option, print_json, provider_option, stdout, work_of
from deploykit.cli.ledger import ledger_of

if TYPE_CHECKING:
    from deploykit.care.drift.look import Drift


@click.command()
@click.argument("environment")
@click.option("--explain", is_flag=True, help="Also who logged in to nodes that drifted.")
@click.option("--no-record", is_flag=True, help="Write no record of it.")
@provider_option
@json_option
@click.pass_context
def drift(
    ctx: click.Context,
    environment: str,
    explain: bool,
    no_record: bool,
    provider: str | None,
    as_json: bool,
) -> None:
    """Say where nodes of ENVIRONMENT are not what was deployed; exit status 1 if any is.

    Salt tells in its test mode what it would change; beside that, files below /etc that no state
    owns and that changed since the last deployment, failed services, packages of other versions
    than were seen with the release, and the kit on the master. Changes nothing. What is found is
    recorded; drift begins the soak of what comes after anew.

    \b
    deploy-kit drift production
    deploy-kit drift production --explain
    """
    from deploykit.care.drift.look import look_for_drift, record_drift
    from deploykit.cli.reach import inventory_of

    with work_of(ctx, "drift") as work:
        ledger = ledger_of(ctx)
        inventory = inventory_of(work.site, environment, provider)
        seen = look_for_drift(work, ledger.known, inventory, logins=explain)
        record = None if no_record else record_drift(ledger, seen)
    if as_json:
        print_json({**_json(seen, explain), "record": record.n if record else None})
    else:
        _print(seen, explain)
    ctx.exit(1 if seen.findings else 0)


def _json(seen: Drift, explain: bool) -> dict[str, Any]:
    return {
        "environment": seen.environment,
        "release": seen.release,
        "version": seen.version,
        "nodes": list(seen.nodes),
        "seconds": round(seen.seconds, 1),
        "findings": [asdict(finding) for finding in seen.findings],
        **({"logins": _logins(seen)} if explain else {}),
    }


def _logins(seen: Drift) -> dict[str, dict[str, int]]:
    """Who logged in to each node that drifted, and how often, in the order of the findings."""
    drifted = dict.fromkeys(finding.node for finding in seen.findings)
    return {node: seen.changes[node].logins for node in drifted if node in seen.changes}


def _print(seen: Drift, explain: bool) -> None:
    out = stdout()
    for finding in seen.findings:
        out.print(str(finding), soft_wrap=True, markup=False)
    if explain:
        for node, logins in _logins(seen).items():
            for who, times in sorted(logins.items()):
                out.print(f"{node}: {who}, {times} times", soft_wrap=True, markup=False)
    count = len(seen.findings)
    found = "no drift" if not count else f"{count} thing{'s' * (count != 1)} drifted"
    words = f"{seen.environment} runs {seen.version}: {found} on {len(seen.nodes)} nodes"
    out.print(words, soft_wrap=True, markup=False)
