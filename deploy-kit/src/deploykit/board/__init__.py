"""The board: which release runs where, since when, on what evidence, and what comes next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deploykit.base import times
from deploykit.base.console import for_tables
from deploykit.base.printable import one_line
from deploykit.base.processes import this_process
from deploykit.care import remembered, warnings
from deploykit.ledger import utc_now, view
from deploykit.ledger.keeping import Keeping, keeping
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose, Result
from deploykit.ledger.words import short
from deploykit.policy import Candidate, Verdict, evaluate
from deploykit.policy.replay import breach_in
from deploykit.policy.rules import Case, Reason, on_hold, pinned, vetoed
from deploykit.site import Site
from deploykit.site.description import environment_digest
from deploykit.site.instance import Instance
from deploykit.site.promotion import Promotion

IN_A_ROW = 3  # marks: that many fit beside the rest of a line
SHOWN = 12  # decisions that hold
MARKS = {Result.PASSED: "✓", Result.FAILED: "✗", Result.NOT_APPLICABLE: "–"}
COLOURS = {Result.PASSED: "green", Result.FAILED: "red", Result.NOT_APPLICABLE: "dim"}


@dataclass(frozen=True, slots=True)
class Next:
    """The release that could enter an environment now, and policy's answer."""

    digest: str
    version: str
    source: str | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Standing:
    """How one environment stands; `marks` are the last results of each check of what it runs, with
    their times in `marked`; `in_force` what people decided that holds there, in words."""

    environment: str
    running: view.Running | None
    last: view.Attempt | None
    busy: bool
    marks: tuple[tuple[str, Result], ...]
    next: Next | None
    marked: Mapping[str, datetime] = field(default_factory=dict)
    in_force: tuple[Reason, ...] = ()
    breach: tuple[Reason, ...] = ()  # what stood against the entry of what runs, when it entered
    secrets: Keeping | None = None  # how old the export of its secrets is, if any record tells
    described: str | None = None  # digest of what its files say now, if they can be read
    late: tuple[str, ...] = ()  # what is late in its care, in words, as far as this machine saw

    @property
    def differs(self) -> bool | None:
        """Whether its files say something else than what stands; None where nobody knows."""
        stands = self.running.environment_digest if self.running else None
        return None if stands is None or self.described is None else stands != self.described

    @property
    def left_out(self) -> Mapping[str, str]:
        """The nodes that do not run what the environment runs, each with the reason of then."""
        return self.running.left_out if self.running else {}

    @property
    def failed(self) -> view.Attempt | None:
        """The last deploy there, if it is of the release that could come next, and it failed."""
        last = self.last
        if self.next is None or last is None or last.phase != Phase.FAILED:
            return None
        return last if last.release == self.next.digest else None


def standings(
    environments: Iterable[str],
    records: Sequence[Record],
    newest: Candidate | None,
    now: datetime,
    runnable: Collection[str] | None = None,
    *,
    versions: Mapping[str, str] | None = None,
    described: Mapping[str, str] | None = None,
) -> tuple[Standing, ...]:
    """The board's lines for `environments`; `newest` is what may enter those without a source.

    `runnable` are the checks that a train can run, for what is told of the others; `versions` has
    those of releases that the ledger need not know yet, by digest; `described` the digests of what
    the environments' files say, by name.
    """
    named = {**(versions or {}), **view.versions_of(tuple(records))}
    return tuple(
        replace(
            _standing(name, records, newest, now, runnable),
            in_force=_in_force(name, records, now, named),
            described=(described or {}).get(name),
        )
        for name in environments
    )


def board(site: Site, records: Sequence[Record]) -> tuple[Standing, ...]:
    """The board of a site after the ledger's `records`, in the order of promotion.

    What cannot be read of the site's own environments is left out: the ledger's word counts.
    """
    from deploykit.checks import check_names
    from deploykit.release import releases

    versions = view.versions_of(records)
    cut = [one for one in releases(site) if versions.get(one.digest, one.version) == one.version]
    readable = site.read_environments().environments
    names = shown({name: one.promotion for name, one in readable.items()}, records)
    found = standings(
        names,
        records,
        cut[-1] if cut else None,
        utc_now(),
        check_names(),
        versions={release.digest: release.version for release in cut},
        described={name: environment_digest(one) for name, one in readable.items()},
    )
    return tuple(replace(one, late=_late(site, one, records)) for one in found)


def _late(site: Site, line: Standing, records: Sequence[Record]) -> tuple[str, ...]:
    if line.running is None:
        return ()
    name = line.environment
    seen = remembered(site, Instance(name))
    return tuple(warnings(name, seen, view.last_deployed(records, name), utc_now()))


def shown(asked: Mapping[str, Promotion], records: Sequence[Record]) -> list[str]:
    """The environments that a board shows, in the order of promotion.

    Those of the line and those that something was ever deployed to; the rest are for development.
    All where there is no line. `asked` is the policy of the site's environment files.
    """
    rules = {**asked, **view.policy_in_force(records)}
    sources = {rule.source for rule in (*asked.values(), *rules.values())}
    found = [
        name
        for name in rules
        if rules[name].source or name in sources or view.attempts(records, name)
    ]
    return found or list(rules)


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


def board_json(lines: Iterable[Standing]) -> list[dict[str, Any]]:
    """The board for machines; times in UTC as the ledger writes them."""
    return [
        {
            "environment": line.environment,
            "release": line.running.digest if line.running else None,
            "version": line.running.version if line.running else None,
            "since": times.iso(line.running.since) if line.running else None,
            "by": line.running.actor if line.running else None,
            "evidence": dict(line.marks),
            "evidence_at": {check: times.iso(time) for check, time in line.marked.items()},
            "in_force": [
                {"code": one.code, "text": one.text, "remedy": one.remedy} for one in line.in_force
            ],
            "secrets": _secrets_json(line.secrets) if line.secrets else None,
            "environment_digest": line.running.environment_digest if line.running else None,
            "differs_from_files": line.differs,
            "left_out": dict(line.left_out),
            "late": list(line.late),
            "against_policy": [reason.code for reason in line.breach],
            "last_deploy": _attempt_json(line) if line.last else None,
            "next": _next_json(line) if line.next else None,
        }
        for line in lines
    ]


def _standing(
    name: str,
    records: Sequence[Record],
    newest: Candidate | None,
    now: datetime,
    runnable: Collection[str] | None,
) -> Standing:
    runs = view.running(records, name)
    tried = view.attempts(records, name)
    marks = _marks(records, name, runs)
    breach = breach_in(records, name)
    return Standing(
        environment=name,
        running=runs,
        last=tried[-1] if tried else None,
        busy=view.in_flight(records, name, now) is not None,
        marks=tuple((entry.check, entry.result) for entry in marks),
        marked={entry.check: entry.time for entry in marks},
        next=_next(name, records, runs, newest, now=now, runnable=runnable),
        breach=breach.reasons if breach else (),
        secrets=keeping(records, name),
    )


def _next(
    name: str,
    records: Sequence[Record],
    runs: view.Running | None,
    newest: Candidate | None,
    *,
    now: datetime,
    runnable: Collection[str] | None,
) -> Next | None:
    policy = view.policy_in_force(records)
    source = policy[name].source if name in policy else None
    candidate: Candidate | None = newest
    if source is not None:
        candidate = view.running(records, source)
    if candidate is None or (runs is not None and runs.digest == candidate.digest):
        return None
    verdict = evaluate(candidate, name, records, now, runnable=runnable)
    return Next(candidate.digest, candidate.version, source, verdict)


@dataclass(frozen=True, slots=True)
class _Named:
    digest: str
    version: str


def _marks(
    records: Sequence[Record], name: str, runs: view.Running | None
) -> tuple[view.Evidence, ...]:
    """The last result of each check of what runs in `name`, gathered there or for its entry."""
    if runs is None:
        return ()
    found = view.evidence(records, release=runs.digest)
    return tuple({e.check: e for e in found if name in (e.environment, e.edge)}.values())


def _in_force(
    name: str, records: Sequence[Record], now: datetime, versions: Mapping[str, str]
) -> tuple[Reason, ...]:
    """The hold, the pin and the vetoes that policy would go by in `name`, whoever came next."""
    policy = view.policy_in_force(records).get(name, Promotion())

    def asked(digest: str) -> Case:
        release = _Named(digest, versions.get(digest, short(digest)))
        return Case(release, name, records, now, policy, None)

    nobodys = asked("")
    vetoes = [d.release for d in view.decisions(records) if d.decision == "veto" and d.release]
    found = [*on_hold(nobodys), *pinned(nobodys)]
    return (*found, *(one for digest in dict.fromkeys(vetoes) for one in vetoed(asked(digest))))


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


def _secrets_json(secrets: Keeping) -> dict[str, Any]:
    return {
        "exported": times.iso(secrets.exported) if secrets.exported else None,
        "last": secrets.event,
        "at": times.iso(secrets.at),
        "export_fits": secrets.fits,
    }


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


def _attempt_json(line: Standing) -> dict[str, Any]:
    last = line.last
    assert last is not None
    return {
        "id": last.id,
        "version": last.version,
        "release": last.release,
        "purpose": last.purpose,
        "phase": last.phase,
        "owner": last.owner.as_json(),
        "since": times.iso(last.since),
        "lease_until": times.iso(last.lease_until),
        "in_flight": line.busy,
        "summary": last.summary,
    }


def _next_json(line: Standing) -> dict[str, Any]:
    after = line.next
    assert after is not None
    return {
        "release": after.digest,
        "version": after.version,
        "from": after.source,
        "allowed": after.verdict.allowed,
        "failed_there": line.failed is not None,
        "reasons": [
            {"code": reason.code, "text": reason.text, "remedy": reason.remedy}
            for reason in after.verdict.reasons
        ],
        "needed": [{"check": n.check, "over": n.over} for n in after.verdict.needed],
    }
