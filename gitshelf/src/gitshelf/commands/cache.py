"""`gitshelf cache show` and `gitshelf cache prune`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gitshelf.commands.common import amount, json_option, print_json

if TYPE_CHECKING:
    from gitshelf.cache.housekeeping import CacheEntry

_DAY = 86400.0


@click.group(
    epilog="""\b
Examples:
  gitshelf cache show
  gitshelf cache prune --older-than 7
"""
)
def cache() -> None:
    """Look at the cache, and take out what is not used any more."""


@cache.command(
    epilog="""\b
Examples:
  gitshelf cache show
  gitshelf cache show --json
"""
)
@json_option
def show(as_json: bool) -> None:
    """Say what the cache holds, how big it is and when it was last used."""
    from gitshelf.cache import Cache
    from gitshelf.cache.housekeeping import HISTORY, KINDS, STORE, contents

    opened = Cache()
    entries = contents(opened)
    if as_json:
        print_json({"cache": str(opened.root), "held": [_document(entry) for entry in entries]})
        return
    click.echo(f"{opened.root}: {amount(sum(entry.size for entry in entries))}")
    for kind in KINDS:
        of_kind = [entry for entry in entries if entry.kind == kind]
        size = amount(sum(entry.size for entry in of_kind))
        click.echo(f"{kind:8} {len(of_kind):6}  {size}")
    for entry in entries:
        if entry.kind in (STORE, HISTORY):
            used = time.strftime("%Y-%m-%d", time.gmtime(entry.used))
            click.echo(f"  {entry.kind:7}  {amount(entry.size):>9}  used {used}  {entry.name}")


@cache.command(
    epilog="""\b
Examples:
  gitshelf cache prune
  gitshelf cache prune --older-than 7 --dry-run
  gitshelf cache prune --yes --json
"""
)
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="DAYS",
    help="Remove what was not used for so long.",
)
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask first (it only asks on a terminal).")
@json_option
def prune(older_than: float, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove what was not used for long, and what killed runs left.

    Commits that upstream has rewritten away are only in the cache: keep those kits.
    """
    from gitshelf.cache import Cache
    from gitshelf.cache.housekeeping import prune as remove

    if sys.stdin.isatty() and not (yes or dry_run):
        entries = remove(Cache(), older_than * _DAY, write=False)
        if entries:
            question = f"Remove {len(entries)} things, {amount(_size(entries))}?"
            click.confirm(question, abort=True, err=True)
    removed = remove(Cache(), older_than * _DAY, write=not dry_run)
    if as_json:
        documents = [_document(entry) for entry in removed]
        print_json({"removed": not dry_run, "held": documents, "bytes": _size(removed)})
        return
    did = "would be removed" if dry_run else "removed"
    click.echo(f"{len(removed)} things, {amount(_size(removed))} {did}")


def _size(entries: Sequence[CacheEntry]) -> int:
    return sum(entry.size for entry in entries)


def _document(entry: CacheEntry) -> dict[str, object]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "bytes": entry.size,
        "used": int(entry.used),
        "pins": entry.pins,
    }
