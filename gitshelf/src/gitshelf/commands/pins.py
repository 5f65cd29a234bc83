"""`gitshelf pin` and `gitshelf update`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from gitshelf.pins import Pin

Move = Callable[..., Sequence["Pin"]]


def _pin_options(command: Callable[..., None]) -> Callable[..., None]:
    check = click.option(
        "--check", is_flag=True, help="Change nothing; exit with 1 if something would change."
    )
    return manifest_options(run_options(check(json_option(command))))


@click.command(
    epilog="""\b
Examples:
  gitshelf pin
  gitshelf pin --gitshelf site.yml --check
"""
)
@_pin_options
def pin(**options: Any) -> None:
    """Write each branch and tag of a manifest as its full SHA, in place.

    Comments and layout stay. A tag is kept as `tag`, a branch as `track`, so that `update` can
    move the pin.
    """
    from gitshelf.pins import pin as pin_books

    _move(pin_books, "pinned", **options)


@click.command(
    epilog="""\b
Examples:
  gitshelf update
  gitshelf update salt/states salt/formulas/openssh
  gitshelf update --check --json
"""
)
@click.argument("books", nargs=-1, metavar="[BOOK]...")
@_pin_options
def update(books: tuple[str, ...], **options: Any) -> None:
    """Move the pins of a manifest to the newest commits of the branches they track.

    All pins with a `track`, or those of the books named (by their places).
    """
    from gitshelf.pins import update as update_books

    _move(lambda manifest, **how: update_books(manifest, books, **how), "updated", **options)


def _move(
    work: Move,
    did: str,
    *,
    manifest: Path,
    environment: str | None,
    tokens: tuple[str, ...],
    offline: bool,
    timeout: float,
    check: bool,
    as_json: bool,
) -> None:
    from gitshelf.resolution import Options

    with Progress() as progress:
        pins = work(
            manifest,
            environment=environment,
            tokens=token_values(tokens),
            options=Options(offline=offline, timeout=timeout, report=progress.report),
            write=not check,
        )
    _print_pins(manifest, pins, as_json, check, did)


def _print_pins(manifest: Path, pins: Sequence[Pin], as_json: bool, check: bool, did: str) -> None:
    moved = [pin for pin in pins if pin.moves]
    if as_json:
        books = [
            {"book": pin.book, "old": pin.old, "new": pin.new, "track": pin.track or None}
            for pin in moved
        ]
        print_json(
            {"manifest": str(manifest), "written": bool(moved) and not check, "books": books}
        )
    else:
        for pin in moved:
            follows = f"  {pin.track}" if pin.track else ""
            click.echo(f"{pin.book or '.'}  {pin.old} -> {pin.new}{follows}")
        would = f"would be {did}" if check else did
        click.echo(f"{manifest}: {len(moved)} of {len(pins)} books {would}")
    if check and moved:
        sys.exit(1)
