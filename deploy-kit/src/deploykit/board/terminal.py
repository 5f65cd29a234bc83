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
from deploykit.ledger import utc_now, view
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose, Result
from deploykit.site import Site

IN_A_ROW = 3  # marks: that many fit beside the rest of a line
SHOWN = 12  # decisions that hold
MARKS = {Result.PASSED: "✓", Result.FAILED: "✗", Result.NOT_APPLICABLE: "–"}
COLOURS = {Result.PASSED: "green", Result.FAILED: "red", Result.NOT_APPLICABLE: "dim"}


def print_board(site: Site, records: Sequence[Record], printer: Console | None = None) -> None:
    """Print the board, at most 100 columns wide, without colours where it is no terminal."""
    out = printer or for_tables()
    lines = board(site, records)
    out.print(_table(lines, utc_now()))
    _print_in_force(out, lines)
    _print_breaches(out, lines)
    _print_differing(out, lines)
    _print_left_out(out, lines)
    _print_secrets(out, lines, utc_now())
    _print_late(out, lines)
    shown = [line for line in lines if line.next is not None or _trouble(line)]
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


def _trouble(line: Standing) -> str:
    """What is the matter with the last deploy of an environment; '' where it went well."""
    last = line.last
    if last is None or last.phase == Phase.FINISHED:
        return ""
    if last.phase == Phase.FAILED:
        return f"{last.purpose} of {last.version} failed at {times.human(last.told)}{_why(last)}"
    who = f"by {last.owner} since {times.human(last.since)}"
    if line.busy:
        return f"{last.purpose} of {last.version} in flight, {who}"
    return f"{last.purpose} of {last.version} was left unfinished, {who}"


def _why(failed: view.Attempt) -> str:
    return f": {one_line(failed.summary)}" if failed.summary.strip() else ""


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


def _print_breaches(out: Console, lines: Sequence[Standing]) -> None:
    """What runs although policy had not let it in."""
    against = [line for line in lines if line.breach]
    if against:
        out.print(Text("Entered against policy", style="bold red"))
    for line in against:
        version = line.running.version if line.running else ""
        for reason in line.breach:
            text = f"{line.environment}, {version}: {times.with_local(reason.text)}"
            _tell(out, Text(text, style="red"))


def _print_differing(out: Console, lines: Sequence[Standing]) -> None:
    """Where an environment's files say something else than what was brought about last."""
    differing = [line for line in lines if line.differs]
    if differing:
        out.print(Text("Files changed since", style="bold"))
    for line in differing:
        assert line.running is not None
        command = f"deploy-kit deploy {line.running.version} {line.environment}"
        _tell(out, Text(f"{line.environment}: brought about by: {command}", style="yellow"))


def _print_left_out(out: Console, lines: Sequence[Standing]) -> None:
    """Which nodes run another release still, and what brings them the one of now."""
    lacking = [line for line in lines if line.left_out]
    if lacking:
        out.print(Text("Left out", style="bold"))
    for line in lacking:
        assert line.running is not None
        nodes = ", ".join(f"{name} ({why})" for name, why in line.left_out.items())
        command = f"deploy-kit deploy {line.running.version} {line.environment}"
        text = f"{line.environment}: {nodes}; caught up when they are back: {command}"
        _tell(out, Text(one_line(text), style="yellow"))


def _print_secrets(out: Console, lines: Sequence[Standing], now: datetime) -> None:
    """How old each environment's newest export of secrets is, and whether one fits them."""
    kept = [(line.environment, line.secrets) for line in lines if line.secrets is not None]
    if kept:
        out.print(Text("Secrets", style="bold"))
    for name, secrets in kept:
        made = "never exported"
        if secrets.exported:
            made = f"exported {times.age(secrets.exported, now)} ago"
        if secrets.fits:
            _tell(out, Text(f"{name}: {made}"))
            continue
        changed = f"they were {secrets.event} {times.human(secrets.at)}"
        text = f"{name}: {made}; no export since {changed}: deploy-kit secrets export {name}"
        _tell(out, Text(text, style="yellow"))


def _print_late(out: Console, lines: Sequence[Standing]) -> None:
    """What should have been done by timers and was not."""
    if any(line.late for line in lines):
        out.print(Text("Late", style="bold"))
    for line in lines:
        for text in line.late:
            _tell(out, Text(f"{line.environment}: {times.with_local(text)}", style="yellow"))


def _tell(out: Console, text: Text, indent: int = 2) -> None:
    """Print `text` so that no line of it, however it is broken, begins where the board's own do."""
    out.print(Padding(text, (0, 0, 0, indent), expand=False))


def _print_next(out: Console, line: Standing, site: Site) -> None:
    trouble = _trouble(line)
    if line.failed is not None:
        _print_failed(out, line, line.failed, site)
        return
    if trouble:
        _tell(out, Text(f"{line.environment}: {trouble}", style="yellow"))
    if line.next is None:
        return
    after = line.next
    where = f"{line.environment} ← {after.version}"
    if after.verdict.allowed:
        verb = Purpose.PROMOTE if after.source else Purpose.DEPLOY
        command = f"deploy-kit {verb} {after.version} {line.environment}"
        _tell(out, Text(f"{where}: ").append("may enter", style="green").append(f": {command}"))
        return
    _tell(out, Text(f"{where}: ").append("not yet", style="yellow"))
    for reason in after.verdict.reasons:
        _tell(out, Text(f"- {times.with_local(reason.text)}"), 4)


def _print_failed(out: Console, line: Standing, failed: view.Attempt, site: Site) -> None:
    """A release that failed there is no candidate like others: what failed, and where to look."""
    where = f"{line.environment} ← {failed.version}"
    text = Text(f"{where}: ").append("failed there", style="red")
    _tell(out, text.append(f" at {times.human(failed.told)}{_why(failed)}"))
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
