"""`deploy-kit policy`: what is asked of a release before it may enter an environment."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploykit.cli.app import json_option, key_option, print_json, site_of, yes_option
from deploykit.cli.ledger import ledger_of

if TYPE_CHECKING:
    from deploykit.ledger import Ledger


@click.group()
def policy() -> None:
    """The promotion policy in force is the ledger's; environment files propose another."""


@policy.command("show")
@json_option
@click.pass_context
def policy_show(ctx: click.Context, as_json: bool) -> None:
    """Show the policy in force."""
    from deploykit.ledger.view import policy_in_force, policy_json

    found = policy_in_force(ledger_of(ctx).known)
    if as_json:
        print_json(policy_json(found))
    else:
        click.echo("\n".join(_policy_lines(policy_json(found))))


@policy.command("approvals")
@click.argument("text", metavar="RELEASE")
@click.argument("environment")
@click.pass_context
def policy_approvals(ctx: click.Context, text: str, environment: str) -> None:
    """Say which approvals RELEASE lacks for ENVIRONMENT; nothing if it lacks none.

    \b
    deploy-kit policy approvals latest production
    """
    from deploykit.base.times import utc_now
    from deploykit.policy.verdict import evaluate
    from deploykit.release import find_release
    from deploykit.release.cutting import build_release

    site, opened = site_of(ctx), ledger_of(ctx)
    site.environment(environment)
    found = build_release(site, opened, find_release(site, text))
    verdict = evaluate(found, environment, opened.known, utc_now(), asker=opened.operator)
    for reason in verdict.reasons:
        if reason.code in ("approvals", "unknown-authors", "no-policy"):
            click.echo(f"{reason.text}\n  {reason.remedy}")


@policy.command("diff")
@click.pass_context
def policy_diff(ctx: click.Context) -> None:
    """Show how the environment files differ from the policy in force; exit 1 where they do."""
    lines = _differences(ctx, ledger_of(ctx))
    if lines:
        click.echo("\n".join(lines))
        ctx.exit(1)
    click.echo("the environment files ask for the policy that is in force")


@policy.command("apply")
@yes_option
@key_option
@click.pass_context
def policy_apply(ctx: click.Context, yes: bool, key: Path | None) -> None:
    """Put the policy of the environment files in force, by a signed record of an admin."""
    from deploykit.ledger.bodies import policy_body
    from deploykit.ledger.view import policy_json

    opened = ledger_of(ctx, key)
    lines = _differences(ctx, opened)
    if not lines:
        click.echo("the environment files ask for the policy that is in force")
        return
    click.echo("\n".join(lines))
    if not yes:
        click.confirm("Put this policy in force?", abort=True)
    wanted = policy_body(policy_json(site_of(ctx).promotions()))
    record = opened.append(lambda records, now: wanted)
    click.echo(f"record {record.n}: the policy is in force")


def _differences(ctx: click.Context, opened: Ledger) -> list[str]:
    from deploykit.ledger.view import policy_in_force, policy_json

    return list(
        difflib.unified_diff(
            _policy_lines(policy_json(policy_in_force(opened.known))),
            _policy_lines(policy_json(site_of(ctx).promotions())),
            "in force (ledger)",
            "environment files",
            lineterm="",
            n=1,
        )
    )


def _policy_lines(policy: dict[str, Any]) -> list[str]:
    from deploykit.site.freezes import window_of
    from deploykit.site.windows import describe_window

    lines = []
    for name, rule in sorted(policy.items()):
        lines.append(f"{name}:")
        lines.append(f"  from: {rule['from'] or 'anywhere'}")
        undisturbed = ", undisturbed" if rule.get("undisturbed") else ""
        lines.append(f"  soak: {rule['soak']} s{undisturbed}")
        lines.append(f"  approvals: {_approvals_words(rule['approvals'])}")
        lines += [f"  {describe_window(window_of(entry))}" for entry in rule.get("freeze", ())]
        for role, share in sorted(rule.get("allow_missing", {}).items()):
            lines.append(f"  may be missing: {share} of the nodes with the role {role}")
        if "copies" in rule:
            lines.append(f"  copies by {', '.join(rule['copies'])} count")
        for check, counts in sorted(rule["checks"].items()):
            lines.append(f"  {check}: {counts['passes']} of {counts['attempts']} attempts pass")
    return lines


def _approvals_words(approvals: dict[str, Any]) -> str:
    words = [str(approvals["count"])]
    if approvals["not"]:
        words.append(f"not of who {' or '.join(approvals['not'])}")
    if "role" in approvals:
        words.append(f"each with the role {approvals['role']}")
    if "expire" in approvals:
        words.append(f"over after {approvals['expire']} s")
    if "unknown_authors" in approvals:
        words.append(f"unknown authors: {approvals['unknown_authors']}")
    return ", ".join(words)
