"""`gitshelf lint`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitshelf.commands.common import (
    Progress,
    json_option,
    manifest_options,
    print_json,
    run_options,
    token_values,
)

if TYPE_CHECKING:
    from gitshelf.rules.model import Finding


@click.command(
    epilog="""\b
Examples:
  gitshelf lint
  gitshelf lint --rule full-sha --rule secrets
  gitshelf lint --rule descends --previous 2026.40/kit.tar.zst
"""
)
@manifest_options
@click.option("--rule", "names", multiple=True, metavar="NAME", help="This rule. Repeatable.")
@click.option("--previous", default="", metavar="FILE", help="The release before, for `descends`.")
@click.option(
    "--signers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Who may sign, for `signed` (an allowed-signers file).",
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The same by OpenPGP (a file of public keys).",
)
@click.option("--list", "listing", is_flag=True, help="Say which rules there are.")
@run_options
@json_option
def lint(
    *,
    manifest: Path,
    environment: str | None,
    tokens: tuple[str, ...],
    names: tuple[str, ...],
    previous: str,
    signers: Path | None,
    keys: Path | None,
    listing: bool,
    offline: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Hold a manifest to the rules of a release: those under its `lint:`, or those given.

    Exits with 1 if a book breaks one.
    """
    from gitshelf import rules
    from gitshelf.resolution import Options

    if listing:
        _print_rules(as_json=as_json)
        return
    with Progress() as progress:
        findings = rules.lint(
            manifest,
            names,
            environment=environment,
            tokens=token_values(tokens),
            previous=previous,
            signers=signers,
            keys=keys,
            options=Options(offline=offline, timeout=timeout, report=progress.report),
        )
    if as_json:
        documents = [_document(finding) for finding in findings]
        print_json({"manifest": str(manifest), "findings": documents})
    else:
        for finding in findings:
            click.echo(
                f"{finding.at}{finding.message} [{finding.rule}]\n  remedy: {finding.remedy}"
            )
        click.echo(f"{manifest}: {len(findings)} finding{'s' * (len(findings) != 1)}")
    if findings:
        sys.exit(1)


def _print_rules(*, as_json: bool) -> None:
    from gitshelf import rules

    summaries = {name: rule.summary for name, rule in rules.rules().items()}
    if as_json:
        print_json({"rules": summaries})
        return
    for name, summary in summaries.items():
        click.echo(f"{name:10} {summary}")


def _document(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "book": finding.book,
        "line": finding.at.line,
        "message": finding.message,
        "remedy": finding.remedy,
    }
