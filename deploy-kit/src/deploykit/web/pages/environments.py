"""The page of an environment, and its line on the page of the train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deploykit.board import Next, Standing
from deploykit.board.notices import entry_command, notices, trouble
from deploykit.figures.delivery import Delivery
from deploykit.figures.flakes import CheckHistory
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose, Result
from deploykit.ledger.view import Attempt, Running
from deploykit.ledger.words import short
from deploykit.site.promotion import Promotion
from deploykit.site.windows import describe_window
from deploykit.web.pages import Reading, RecordLine, Why, reading_of, reasons_why, record_line
from deploykit.web.snapshot import Snapshot

DEPLOYS = 50  # on a page
DECISIONS = 20
OBSERVATIONS = 10


@dataclass(frozen=True, slots=True)
class Runs:
    """What an environment runs, since when, by whose hand, and the record that says so."""

    version: str
    release: str
    since: datetime
    by: str
    record: int


@dataclass(frozen=True, slots=True)
class CheckMark:
    """The last result of a check of what runs."""

    check: str
    result: Result
    time: datetime


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """Something that a person should know, and the command that helps ('' where none does)."""

    about: str
    heading: str
    text: str
    command: str
    urgent: bool


@dataclass(frozen=True, slots=True)
class Coming:
    """The release that comes next and how it stands: `may-enter` by `command`, `waits` for every
    one of `why`, or `failed` there."""

    version: str
    release: str
    source: str | None
    state: str
    why: tuple[Why, ...]
    command: str


@dataclass(frozen=True, slots=True)
class EnvironmentLine:
    """How an environment stands. `trouble` is what is the matter with its last deploy, '' if
    nothing is; `busy` says that one is under way."""

    environment: str
    source: str | None
    runs: Runs | None
    checks: tuple[CheckMark, ...]
    in_force: tuple[Why, ...]
    notices: tuple[NoticeLine, ...]
    trouble: str
    busy: bool
    next: Coming | None


@dataclass(frozen=True, slots=True)
class EntryRule:
    """What policy asks of a release before it may enter; `soak` in seconds."""

    soak: int
    approvals: int
    approvals_not: tuple[str, ...]
    freeze: tuple[str, ...]
    checks: dict[str, str]
    allow_missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class DeployLine:
    """One deploy: its purpose, its last phase, when it began and when that phase did, by whom, the
    first and the last record that tell of it, and what it left out."""

    version: str
    release: str
    purpose: Purpose
    phase: Phase
    began: datetime
    ended: datetime
    by: str
    summary: str
    record: int
    last_record: int
    left_out: dict[str, str]


@dataclass(frozen=True, slots=True)
class ObservationLine:
    """What was seen of an environment past deploys and checks: drift, or firing alerts (`subject`),
    while it ran `version`; `nodes` has how many things on which, none where it is `clean`."""

    record: int
    time: datetime
    by: str
    subject: str
    version: str
    release: str
    clean: bool
    nodes: dict[str, int]
    summary: str


@dataclass(frozen=True, slots=True)
class ComparisonLine:
    """The last time that two environments were compared, by the versions that they ran: `first`
    with `second`; `clean` if nothing differed but what their files say."""

    record: int
    time: datetime
    by: str
    first: str
    first_version: str
    second: str
    second_version: str
    clean: bool
    summary: str


@dataclass(frozen=True, slots=True)
class EnvironmentPage:
    """An environment: how it stands, what policy asks, its figures, its checks over time, what was
    observed, what people decided and what was deployed, each the newest first; of `in_all` deploys
    those from number `first` on, the newest being 0. `compared` is None if it never was."""

    reading: Reading
    line: EnvironmentLine
    entry: EntryRule | None
    delivery: Delivery
    checks: tuple[CheckHistory, ...]
    observations: tuple[ObservationLine, ...]
    compared: ComparisonLine | None
    decisions: tuple[RecordLine, ...]
    deploys: tuple[DeployLine, ...]
    in_all: int
    first: int
    page_size: int


def environment_line(line: Standing, snapshot: Snapshot) -> EnvironmentLine:
    """One line of the board as a page shows it."""
    rule = snapshot.policy.get(line.environment)
    return EnvironmentLine(
        environment=line.environment,
        source=rule.source if rule else None,
        runs=_runs(line.running) if line.running else None,
        checks=tuple(CheckMark(check, result, line.marked[check]) for check, result in line.marks),
        in_force=reasons_why(line.in_force),
        notices=tuple(
            NoticeLine(
                notice.about, notice.about.heading, notice.text, notice.command, notice.urgent
            )
            for notice in notices(line, snapshot.made)
        ),
        trouble=trouble(line),
        busy=line.busy,
        next=_coming(line, line.next, snapshot) if line.next else None,
    )


def environment_page(snapshot: Snapshot, name: str, first: int = 0) -> EnvironmentPage | None:
    """The page of the environment `name`, None if there is none; of its deploys those from number
    `first` on, the newest being 0."""
    line = next((record for record in snapshot.lines if record.environment == name), None)
    if line is None:
        return None
    rule, versions = snapshot.policy.get(name), snapshot.versions
    decided = [
        record for record in snapshot.decisions if record.body["environment"] in (name, None)
    ]
    newest = snapshot.attempts[name][::-1]
    return EnvironmentPage(
        reading=reading_of(snapshot),
        line=environment_line(line, snapshot),
        entry=_entry(rule) if rule else None,
        delivery=snapshot.deliveries[name],
        checks=snapshot.histories.get(name, ()),
        decisions=tuple(record_line(record, versions) for record in decided[: -DECISIONS - 1 : -1]),
        observations=tuple(
            _observation(record, versions)
            for record in snapshot.observations.get(name, ())[: -OBSERVATIONS - 1 : -1]
        ),
        compared=_compared(snapshot.compared.get(name), versions),
        deploys=tuple(map(deploy_line, newest[first : first + DEPLOYS])),
        in_all=len(newest),
        first=first,
        page_size=DEPLOYS,
    )


def deploy_line(attempt: Attempt) -> DeployLine:
    """One deploy as a page shows it."""
    return DeployLine(
        version=attempt.version,
        release=attempt.release,
        purpose=attempt.purpose,
        phase=attempt.phase,
        began=attempt.since,
        ended=attempt.told,
        by=attempt.actor,
        summary=attempt.summary,
        record=attempt.n,
        last_record=attempt.last,
        left_out=dict(attempt.left_out),
    )


def _observation(record: Record, versions: Mapping[str, str]) -> ObservationLine:
    body = record.body
    return ObservationLine(
        record=record.n,
        time=record.time,
        by=record.actor,
        subject=body["subject"],
        version=versions.get(body["release"], short(body["release"])),
        release=body["release"],
        clean=body["clean"],
        nodes=dict(body["nodes"]),
        summary=body["summary"],
    )


def _compared(record: Record | None, versions: Mapping[str, str]) -> ComparisonLine | None:
    if record is None:
        return None
    body = record.body
    other = body["against"]
    return ComparisonLine(
        record=record.n,
        time=record.time,
        by=record.actor,
        first=body["environment"],
        first_version=versions.get(body["release"], short(body["release"])),
        second=other["environment"],
        second_version=versions.get(other["release"], short(other["release"])),
        clean=body["clean"],
        summary=body["summary"],
    )


def _runs(running: Running) -> Runs:
    return Runs(running.version, running.digest, running.since, running.actor, running.n)


def _coming(line: Standing, after: Next, snapshot: Snapshot) -> Coming:
    state = "may-enter" if after.verdict.allowed else "waits"
    return Coming(
        version=after.version,
        release=after.digest,
        source=after.source,
        state="failed" if line.failed else state,
        why=reasons_why(after.verdict.reasons),
        command=entry_command(after, line.environment) if after.verdict.allowed else "",
    )


def _entry(rule: Promotion) -> EntryRule:
    return EntryRule(
        soak=rule.soak,
        approvals=rule.approvals.count,
        approvals_not=tuple(sorted(rule.approvals.excluded)),
        freeze=tuple(describe_window(window) for window in rule.freeze),
        checks={
            name: f"{counts.passes} of {counts.attempts}" for name, counts in rule.checks.items()
        },
        allow_missing={role: str(share) for role, share in rule.allow_missing.items()},
    )
