"""The board in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deploykit.base import times
from deploykit.base.console import for_tables
from deploykit.base.printable import one_line
from deploykit.base.processes import this_process
from deploykit.board import Standing, board
from deploykit.board.notices import About, entry_command, notices, trouble, why
from deploykit.ledger import utc_now, view
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Result
from deploykit.site import Site

IN_A_ROW = 3  # marks: that many fit beside the rest of a line
SHOWN = 12  # decisions that hold
MARKS = {Result.PASSED: "✓", Result.FAILED: "✗", Result.NOT_APPLICABLE: "–"}
COLOURS = {Result.PASSED: "green", Result.FAILED: "red", Result.NOT_APPLICABLE: "dim"}


def print_board(site: Site, records: Sequence[Record], printer: Console | None = None) -> None:
    """Print the board, at most 100 columns wide, without colours where it is no terminal."""
    print_lines(site, board(site, records), records, printer or for_tables())


def print_lines(
    site: Site, lines: Sequence[Standing], records: Sequence[Record], out: Console
) -> None:
    """Print these `lines` of the board, which the records tell of."""
    out.print(_table(lines, utc_now()))
    _print_in_force(out, lines)
    _print_notices(out, lines, utc_now())
    shown = [line for line in lines if line.next is not None or trouble(line)]
    if shown:
        out.print(Text("Next", style="bold"))
    for line in shown:
        _print_next(out, line, site)
    _print_newest(out, records, utc_now())


def _print_newest(out: Console, records: Sequence[Record], now: datetime) -> None:
    """How old what the board knows is: a mirror that shows an old state is verified, too."""
    if records:
        last = records[-1]
        fresh = now - last.time < timedelta(minutes=1)
        when = "just now" if fresh else f"{times.age(last.time, now)} ago"
        out.print(Text(f"Newest record: {last.n}, {when}", style="dim"))


def _table(lines: Sequence[Standing], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Environment", "Release", "Since (UTC)", "By"):
        table.add_column(title, no_wrap=True)
    table.add_column("Evidence", overflow="fold")
    for line in lines:
        marks = Text()
        for place, (check, result) in enumerate(line.marks):
            marks.append("" if not place else "  " if place % IN_A_ROW else "\n")
            marks.append(f"{MARKS[result]} {check}", style=COLOURS[result])
            ago = times.age(line.marked[check], now) if check in line.marked else ""
            marks.append(f" {ago}", style="dim")
        runs = line.running
        cells = (runs.version, times.human(runs.since), runs.actor) if runs else ("nothing", "", "")
        table.add_row(line.environment, *(Text(one_line(cell)) for cell in cells), marks)
    return table


def _print_in_force(out: Console, lines: Sequence[Standing]) -> None:
    """What people decided that holds now; what holds everywhere in one line."""
    where: dict[str, list[str]] = {}
    for line in lines:
        for reason in line.in_force:
            where.setdefault(reason.text, []).append(line.environment)
    if where:
        out.print(Text("In force", style="bold"))
    texts = list(where.items())
    for text, names in texts[:SHOWN]:
        place = "" if len(names) == 1 and text.startswith(names[0]) else f"{', '.join(names)}: "
        _tell(out, Text(f"{place}{times.with_local(text)}", style="yellow"))
    if len(texts) > SHOWN:
        _tell(out, Text(f"and {len(texts) - SHOWN} more: deploy-kit status --json"))


def _print_notices(out: Console, lines: Sequence[Standing], now: datetime) -> None:
    """What else is to be told, below one heading for what is alike."""
    told = [(line.environment, notice) for line in lines for notice in notices(line, now)]
    for about in About:
        alike = [(name, notice) for name, notice in told if notice.about is about]
        wrong = "red" if about is About.AGAINST_POLICY else "yellow"
        if alike:
            out.print(Text(about.heading, style="bold"))
        for name, notice in alike:
            text = ": ".join(filter(None, (name, notice.text, notice.command)))
            _tell(out, Text(times.with_local(text), style=wrong if notice.urgent else ""))


def _tell(out: Console, text: Text, indent: int = 2) -> None:
    """Print `text` so that no line of it, however it is broken, begins where the board's own do."""
    out.print(Padding(text, (0, 0, 0, indent), expand=False))


def _print_next(out: Console, line: Standing, site: Site) -> None:
    if line.failed is not None:
        _print_failed(out, line, line.failed, site)
        return
    if matter := trouble(line):
        text = f"{line.environment}: {times.with_local(matter)}"
        _tell(out, Text(text, style="yellow"))
    if line.next is None:
        return
    after = line.next
    where = f"{line.environment} ← {after.version}"
    if after.verdict.allowed:
        command = entry_command(after, line.environment)
        _tell(out, Text(f"{where}: ").append("may enter", style="green").append(f": {command}"))
        return
    _tell(out, Text(f"{where}: ").append("not yet", style="yellow"))
    for reason in after.verdict.reasons:
        _tell(out, Text(f"- {times.with_local(reason.text)}"), 4)


def _print_failed(out: Console, line: Standing, failed: view.Attempt, site: Site) -> None:
    """A release that failed there is no candidate like others: what failed, and where to look."""
    where = f"{line.environment} ← {failed.version}"
    text = Text(f"{where}: ").append("failed there", style="red")
    _tell(out, text.append(f" at {times.human(failed.told)}{why(failed)}"))
    log = _log_of(failed, site)
    look = log or f"deploy-kit history {line.environment}"
    out.print(Text(f"    - look at it: {look}"), soft_wrap=True)
    again = f"deploy-kit {failed.purpose} {failed.version} {line.environment}"
    _tell(out, Text(f"- mend it and cut another release; or try it again: {again}"), 4)
    assert line.next is not None
    for reason in line.next.verdict.reasons:
        _tell(out, Text(f"- {times.with_local(reason.text)}"), 4)


def _log_of(attempt: view.Attempt, site: Site) -> Path | None:
    """The log of its states, if it was deployed from here."""
    from deploykit.rollout.work import logs_of

    if attempt.owner.host != this_process().host:
        return None
    return logs_of(site, attempt.owner.pid, attempt.environment)
