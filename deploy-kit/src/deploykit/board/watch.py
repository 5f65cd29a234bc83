"""The board in a terminal, drawn again as the ledger goes on, until somebody ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime

from rich.console import Console, Group
from rich.text import Text

from deploykit.base import times
from deploykit.base.trouble import Trouble
from deploykit.board import board
from deploykit.board.terminal import print_lines
from deploykit.ledger import Ledger, utc_now
from deploykit.ledger.reading import read_again
from deploykit.site import Site

EVERY = 5.0  # seconds


def watch_board(
    site: Site, ledger: Ledger, out: Console, wait: Callable[[float], None] = time.sleep
) -> None:
    """Show the board on `out`, and again every few seconds; where that is no terminal, whenever it
    changed. Ends by an interruption alone: what `wait` raises goes through."""
    if out.is_terminal:
        _redraw(site, ledger, out, wait)
    else:
        _print_changes(site, ledger, out, wait)


def _redraw(site: Site, ledger: Ledger, out: Console, wait: Callable[[float], None]) -> None:
    with out.screen() as screen:
        for read, trouble in _readings(ledger, wait):
            with out.capture() as drawing:
                print_lines(site, board(site, ledger.known), ledger.known, out)
            head = Text(f"Read at {times.human(read)}, every {EVERY:.0f} s. Ctrl-C ends it.", "dim")
            screen.update(Group(head, *_trouble_lines(trouble), Text.from_ansi(drawing.get())))


def _print_changes(site: Site, ledger: Ledger, out: Console, wait: Callable[[float], None]) -> None:
    shown: object = None
    for read, trouble in _readings(ledger, wait):
        lines, records = board(site, ledger.known), ledger.known
        if (lines, len(records), trouble) != shown:
            shown = (lines, len(records), trouble)
            out.print(Text(f"Read at {times.human(read)}", style="dim"), *_trouble_lines(trouble))
            print_lines(site, lines, records, out)


def _readings(
    ledger: Ledger, wait: Callable[[float], None]
) -> Iterator[tuple[datetime, Trouble | None]]:
    """When the ledger was last read, and why it is not read any more: now and after each wait."""
    last = utc_now()
    while True:
        done, trouble = read_again(ledger)
        last = utc_now() if done else last
        yield last, trouble
        wait(EVERY)


def _trouble_lines(trouble: Trouble | None) -> list[Text]:
    """Why the board may be old, as lines; none if it is not."""
    if trouble is None:
        return []
    return [Text(f"Not up to date: {trouble.text}", style="red"), Text(f"  {trouble.remedy}")]
