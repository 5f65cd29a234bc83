"""The board in a terminal, drawn again as the ledger goes on, until somebody ends it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import datetime

from rich.console import Console, Group
from rich.text import Text

from deploykit.base import times
from deploykit.base.trouble import Trouble
from deploykit.board import Standing, board
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
    read = utc_now()
    with out.screen() as screen:
        for reads in itertools.count():
            done, trouble = read_again(ledger) if reads else (True, None)
            read = utc_now() if done else read
            with out.capture() as drawn:
                print_lines(site, board(site, ledger.known), ledger.known, out)
            head = Text(f"Read at {times.human(read)}, every {EVERY:.0f} s. Ctrl-C ends it.", "dim")
            screen.update(Group(head, *_told(trouble), Text.from_ansi(drawn.get())))
            wait(EVERY)


def _print_changes(site: Site, ledger: Ledger, out: Console, wait: Callable[[float], None]) -> None:
    shown: tuple[tuple[Standing, ...], int, Trouble | None] | None = None
    for reads in itertools.count():
        _, trouble = read_again(ledger) if reads else (True, None)
        lines = board(site, ledger.known)
        if (lines, len(ledger.known), trouble) != shown:
            shown = (lines, len(ledger.known), trouble)
            _print_change(site, lines, ledger, out, utc_now())
            for text in _told(trouble):
                out.print(text)
        wait(EVERY)


def _print_change(
    site: Site, lines: tuple[Standing, ...], ledger: Ledger, out: Console, now: datetime
) -> None:
    out.print(Text(f"Read at {times.human(now)}", style="dim"))
    print_lines(site, lines, ledger.known, out)


def _told(trouble: Trouble | None) -> list[Text]:
    """Why the board may be old, as lines; none if it is not."""
    if trouble is None:
        return []
    return [Text(f"Not up to date: {trouble.text}", style="red"), Text(f"  {trouble.remedy}")]
