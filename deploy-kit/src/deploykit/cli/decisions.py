"""`deploy-kit approve`, `veto`, `hold`, `pin`, `waive` and what undoes them: people's decisions."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploykit.cli.app import key_option, site_of, why_option, yes_option
from deploykit.cli.ledger import ledger_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploykit.ledger import Ledger
    from deploykit.ledger.kinds import Body
    from deploykit.ledger.records import Record

FOR_AN_EDGE = frozenset({"approve", "waive"})
reason_option = click.option("--reason", default="", help="Why; it stays in the ledger.")


@click.command()
@click.argument("release")
@click.argument("environment")
@reason_option
@click.option("--page", metavar="DIGEST", help="Which page was read: `release diff ENVIRONMENT`.")
@yes_option
@key_option
@click.pass_context
def approve(
    ctx: click.Context,
    release: str,
    environment: str,
    reason: str,
    page: str | None,
    yes: bool,
    key: Path | None,
) -> None:
    """Approve that RELEASE enters ENVIRONMENT; takes back an earlier veto of yours.

    With --page it is refused if that is not the page of what would happen now. The approval counts
    for the way from what ENVIRONMENT runs now.

    \b
    deploy-kit approve 2026.47.1 production
    deploy-kit approve 2026.47.1 production --page 1f3870be274f
    """
    _decide(ctx, key, "approve", environment, release, reason=reason, page=page, yes=yes)


@click.command()
@click.argument("release")
@click.argument("environment", required=False)
@why_option
@yes_option
@key_option
@click.pass_context
def veto(
    ctx: click.Context,
    release: str,
    environment: str | None,
    reason: str,
    yes: bool,
    key: Path | None,
) -> None:
    """Forbid RELEASE to enter ENVIRONMENT, or any without one. `approve` takes it back."""
    _decide(ctx, key, "veto", environment, release, reason=reason, yes=yes)


@click.command()
@click.argument("release")
@click.argument("environment", required=False)
@why_option
@yes_option
@key_option
@click.pass_context
def overrule(
    ctx: click.Context,
    release: str,
    environment: str | None,
    reason: str,
    yes: bool,
    key: Path | None,
) -> None:
    """Lift every veto of RELEASE so far, for ENVIRONMENT or for all; admins only."""
    _decide(ctx, key, "overrule", environment, release, reason=reason, yes=yes)


@click.command()
@click.argument("environment")
@why_option
@key_option
@click.pass_context
def hold(ctx: click.Context, environment: str, reason: str, key: Path | None) -> None:
    """Let nothing enter ENVIRONMENT until `unhold`."""
    _decide(ctx, key, "hold", environment, reason=reason)


@click.command()
@click.argument("environment")
@reason_option
@key_option
@click.pass_context
def unhold(ctx: click.Context, environment: str, reason: str, key: Path | None) -> None:
    """End the hold of ENVIRONMENT."""
    _decide(ctx, key, "unhold", environment, reason=reason)


@click.command()
@click.argument("release")
@click.argument("environment")
@reason_option
@yes_option
@key_option
@click.pass_context
def pin(
    ctx: click.Context, release: str, environment: str, reason: str, yes: bool, key: Path | None
) -> None:
    """Let only RELEASE enter ENVIRONMENT until `unpin`."""
    _decide(ctx, key, "pin", environment, release, reason=reason, yes=yes)


@click.command()
@click.argument("environment")
@reason_option
@key_option
@click.pass_context
def unpin(ctx: click.Context, environment: str, reason: str, key: Path | None) -> None:
    """Let other releases enter ENVIRONMENT again."""
    _decide(ctx, key, "unpin", environment, reason=reason)


@click.command()
@click.argument("release")
@click.argument("environment")
@click.argument("check")
@why_option
@click.option("--for", "duration", default="7d", show_default=True, help="How long it holds.")
@yes_option
@key_option
@click.pass_context
def waive(
    ctx: click.Context,
    release: str,
    environment: str,
    check: str,
    reason: str,
    duration: str,
    yes: bool,
    key: Path | None,
) -> None:
    """Let RELEASE enter ENVIRONMENT without evidence of CHECK; admins only.

    CHECK may also be `soak`, or `freeze`. It holds for the edge alone: from what ENVIRONMENT runs
    now. Where somebody else could have given it, one's own waiver does not count.

    \b
    deploy-kit waive 2026.47.1 production upgrade --reason "tried by hand on a copy"
    deploy-kit waive 2026.47.1 production freeze --for 4h --reason "the API answers nobody"
    """
    from deploykit.base.errors import InputError
    from deploykit.base.times import seconds_of

    try:
        holds = timedelta(seconds=seconds_of(duration))
    except (ValueError, OverflowError):
        raise InputError(f"--for: '{duration}' is no duration", "write 4h or 7d") from None
    _decide(
        ctx, key, "waive", environment, release, check=check, reason=reason, holds=holds, yes=yes
    )


@click.command()
@click.argument("release")
@click.argument("environment")
@click.argument("check")
@reason_option
@yes_option
@key_option
@click.pass_context
def unwaive(
    ctx: click.Context,
    release: str,
    environment: str,
    check: str,
    reason: str,
    yes: bool,
    key: Path | None,
) -> None:
    """Take back every waiver of CHECK so far for RELEASE in ENVIRONMENT; admins only."""
    _decide(ctx, key, "unwaive", environment, release, check=check, reason=reason, yes=yes)


def _decide(
    ctx: click.Context,
    key: Path | None,
    decision: str,
    environment: str | None = None,
    release: str | None = None,
    *,
    check: str | None = None,
    reason: str = "",
    holds: timedelta | None = None,
    page: str | None = None,
    yes: bool = False,
) -> None:
    """Record a decision. What lets a release enter is for the edge of then: from what the
    environment runs as the record is written; `holds` says how long."""
    from deploykit.base.errors import InputError, Refused
    from deploykit.base.yamlfile import nearest
    from deploykit.ledger.bodies import Edge, decision_body
    from deploykit.ledger.view import policy_in_force, running, versions_of
    from deploykit.ledger.words import describe, short
    from deploykit.release import LATEST, named_release
    from deploykit.site.promotion import WAIVABLE

    ledger = ledger_of(ctx, key)
    policy = policy_in_force(ledger.known)
    if environment is not None and environment not in policy:
        raise InputError(
            f"the ledger knows no environment '{environment}'",
            f"{nearest(environment, frozenset(policy))}; a new one: deploy-kit policy apply",
        )
    checks = frozenset(policy[environment].checks) | WAIVABLE if environment else frozenset()
    if check is not None and check not in checks:
        raise InputError(f"{environment} asks for no check '{check}'", nearest(check, checks))
    digest, version = "", ""
    if release is not None:
        digest, version = named_release(site_of(ctx), ledger.known, release)
        if release == LATEST and not yes:
            where = f" for {environment}" if environment else ""
            click.confirm(f"{decision} {version} ({short(digest)}){where}?", abort=True)

    def edge_after(records: Sequence[Record]) -> Edge | None:
        if environment is None or decision not in FOR_AN_EDGE:
            return None
        runs = running(records, environment)
        return Edge(runs.digest if runs else None)

    shown, read = edge_after(ledger.known), None
    if shown is not None and page is not None:
        read = _page_read(ctx, ledger, (shown.over, digest, environment), page)

    def decide(records: Sequence[Record], now: datetime) -> Body:
        edge = edge_after(records)
        if read is not None and edge != shown:
            raise Refused(f"{environment} runs something else by now", "read its page again")
        return decision_body(
            decision,
            environment=environment,
            release=digest or None,
            check=check,
            reason=reason,
            edge=edge,
            page=read,
            until=now + holds if holds else None,
        )

    record = ledger.append(decide)
    versions = {**versions_of(ledger.known), digest: version}
    click.echo(f"record {record.n}: {describe(record, versions)}")


def _page_read(
    ctx: click.Context, ledger: Ledger, entry: tuple[str | None, str, str | None], given: str
) -> str:
    """The digest of the page of `entry` (what runs, what would come, where), if `given` is it or
    its beginning. Raises Refused."""
    from deploykit.base.errors import InputError, Refused
    from deploykit.cli.page import page_of

    if not re.fullmatch(r"[0-9a-f]{8,64}", given):
        raise InputError(f"--page {given}: no digest of a page", "write 8 of its digits or more")
    digest = page_of(site_of(ctx), ledger, *entry).digest
    if not digest.startswith(given):
        raise Refused(
            f"the page of what would happen now is {digest[:12]}, not {given[:12]}",
            "read it again: deploy-kit release diff ENVIRONMENT RELEASE",
        )
    return digest
