"""`deploy-kit compare`: in what two environments differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from deploykit.base.printable import one_line
from deploykit.cli.app import json_option, print_json, stdout, work_of
from deploykit.cli.ledger import ledger_of

if TYPE_CHECKING:
    from deploykit.care.compare import Difference
    from deploykit.care.compare.look import Comparison, Side
    from deploykit.ledger import Ledger
    from deploykit.rollout.work import Work

NOTHING = "(nothing)"


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--all", "whole", is_flag=True, help="Show each difference that is to be expected.")
@click.option("--no-record", is_flag=True, help="Write no record of it.")
@json_option
@click.pass_context
def compare(
    ctx: click.Context, first: str, second: str, whole: bool, no_record: bool, as_json: bool
) -> None:
    """Say in what A and B differ; exit status 1 if by more than their files say.

    Role by role: packages, files that states own, services and kernels; and settings, and secrets
    only as equal or not. Names, addresses and what the files of the environments say are to be
    expected and told apart. Changes nothing on nodes. What is found is recorded, and promotes or
    stops nothing.

    \b
    deploy-kit compare staging production
    deploy-kit compare staging production --all
    """
    from deploykit.base.errors import InputError
    from deploykit.care.compare.look import compare_environments
    from deploykit.care.compare.recording import record_comparison

    if first == second:
        raise InputError(f"{first} differs from itself in nothing", "name two environments")
    with work_of(ctx, "compare") as work:
        ledger = ledger_of(ctx)
        found = compare_environments(work, _side(work, ledger, first), _side(work, ledger, second))
        record = None if no_record else record_comparison(ledger, found)
    if as_json:
        print_json({**_json(found), "record": record.n if record else None})
    else:
        _print(found, whole)
    ctx.exit(1 if found.unexpected else 0)


def _side(work: Work, ledger: Ledger, name: str) -> Side:
    """One environment with what it runs, unpacked here."""
    from deploykit.care.compare.look import Side
    from deploykit.care.settled import demand_settled
    from deploykit.release import release_of
    from deploykit.release.cutting import build_release

    environment = work.site.environment(name)
    records = ledger.known
    runs = demand_settled(records, environment.name)
    release = build_release(work.site, ledger, release_of(work.site, records, runs.digest))
    return Side(work.inventory(environment), runs, release.unpacked(work.site))


def _json(found: Comparison) -> dict[str, Any]:
    return {
        "environments": list(found.environments),
        "versions": list(found.versions),
        "differences": [{**asdict(one), "expected": one.expected} for one in found.differences],
    }


def _print(found: Comparison, whole: bool) -> None:
    a, b = found.environments
    expected = [one for one in found.differences if one.expected]
    if found.unexpected:
        _say(f"{a} | {b}:")
        for one in found.unexpected:
            _tell(one)
    if whole and expected:
        _say("to be expected:")
        for one in expected:
            _tell(one)
    number = len(found.unexpected)
    runs = " | ".join(dict.fromkeys(found.versions))
    words = f"{number} thing{'s' * (number != 1)} differ{'s' * (number == 1)}" if number else ""
    more = f", {len(expected)} more are to be expected{'' if whole else ' (--all)'}"
    _say(f"{a} and {b} run {runs}: {words or 'no difference'}{more if expected else ''}")


def _tell(one: Difference) -> None:
    """One difference: on a line if both sides fit on it, else side by side below it."""
    roles = f"{', '.join(one.roles)}: " if one.roles else ""
    why = f" ({one.why})" if one.why else ""
    first, second = one.first.splitlines(), one.second.splitlines()
    if max(len(first), len(second)) <= 1 and len(one.first) + len(one.second) <= 60:
        both = f"{one.first or NOTHING} | {one.second or NOTHING}"
        _say(f"  {roles}{one.kind} {one_line(one.what)}: {one_line(both)}{why}")
        return
    _say(f"  {roles}{one.kind} {one_line(one.what)}:{why}")
    _side_of("-", first)
    _side_of("+", second)


def _side_of(sign: str, lines: Iterable[str]) -> None:
    for line in lines:
        _say(f"    {sign} {one_line(line)}")


def _say(text: str) -> None:
    stdout().print(text, soft_wrap=True, markup=False, highlight=False)
