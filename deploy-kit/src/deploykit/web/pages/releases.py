"""The page of a release, which says why it is not at the end of the line, and the list of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deploykit.base import times
from deploykit.base.printable import one_line
from deploykit.ledger.schema import VERSION, Result
from deploykit.ledger.view import Evidence, Released
from deploykit.ledger.words import short
from deploykit.web.pages import Reading, RecordLine, Why, reading_of, record_line
from deploykit.web.pages.places import ARRIVED, Place, State, judged_place, place_of
from deploykit.web.snapshot import Snapshot

RELEASES = 50  # on a page


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a release is not in `environment`, the end of the line, in a sentence; every reason, and
    the commands that go on from here. `arrived`: it is there, or was."""

    environment: str
    arrived: bool
    text: str
    why: tuple[Why, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One attempt of a check; `over` is the version that ran before, '' for nothing."""

    record: int
    time: datetime
    by: str
    check: str
    environment: str
    copy: bool
    over: str
    result: Result
    seconds: float
    summary: str


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A release and where it is. `name` is what its page is called by; `cut` is None for one whose
    cut was never recorded."""

    name: str
    version: str
    release: str
    cut: datetime | None
    by: str
    record: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class ReleasePage:
    """A release: the answer first, then its way, its evidence and what people decided of it, the
    newest first. `pins` is the SHA-256 of its pins, None if that was never recorded."""

    reading: Reading
    line: ReleaseLine
    pins: str | None
    answer: Answer | None
    evidence: tuple[EvidenceLine, ...]
    decisions: tuple[RecordLine, ...]


@dataclass(frozen=True, slots=True)
class ReleasesPage:
    """The releases from number `first` on, the newest first, of `in_all`."""

    reading: Reading
    environments: tuple[str, ...]
    releases: tuple[ReleaseLine, ...]
    in_all: int
    first: int
    page_size: int


def release_page(snapshot: Snapshot, name: str, runnable: frozenset[str]) -> ReleasePage | None:
    """The page of the release that `name` says: a version, or the beginning of a digest of at least
    twelve characters; None if there is none. `runnable` are the checks that a train can run."""
    release = find_release(snapshot, name)
    if release is None:
        return None
    places = tuple(judged_place(snapshot, release, line, runnable) for line in snapshot.lines)
    versions = snapshot.versions
    about = [record for record in snapshot.decisions if record.body["release"] == release.digest]
    return ReleasePage(
        reading=reading_of(snapshot),
        line=_line(snapshot, release, places),
        pins=release.pins,
        answer=answer_of(snapshot, release, places),
        evidence=tuple(
            evidence_line(entry, versions)
            for entry in snapshot.evidence.get(release.digest, ())[::-1]
        ),
        decisions=tuple(record_line(record, versions) for record in about[::-1]),
    )


def releases_page(snapshot: Snapshot, first: int = 0) -> ReleasesPage:
    """The list of all releases, from number `first` on, the newest being 0."""
    newest = tuple(snapshot.released.values())[::-1]
    return ReleasesPage(
        reading=reading_of(snapshot),
        environments=snapshot.environments,
        releases=release_lines(snapshot, newest[first : first + RELEASES]),
        in_all=len(newest),
        first=first,
        page_size=RELEASES,
    )


def release_lines(snapshot: Snapshot, releases: Sequence[Released]) -> tuple[ReleaseLine, ...]:
    """Releases and where they are; policy is not asked."""
    return tuple(
        _line(
            snapshot, release, tuple(place_of(snapshot, release, line) for line in snapshot.lines)
        )
        for release in releases
    )


def find_release(snapshot: Snapshot, name: str) -> Released | None:
    """The release with that version, else the only one whose digest begins so."""
    hexadecimal = name.removeprefix("sha256:")
    for release in snapshot.released.values():
        if release.version == name:
            return release
    fits = [
        release
        for digest, release in snapshot.released.items()
        if len(hexadecimal) >= len(short(digest)) and digest.startswith(f"sha256:{hexadecimal}")
    ]
    return fits[0] if len(fits) == 1 else None


def name_of(version: str, digest: str) -> str:
    """What a release's page is called by: its version, where that is one."""
    return version if VERSION.fullmatch(version) else short(digest)


def answer_of(snapshot: Snapshot, release: Released, places: Sequence[Place]) -> Answer | None:
    """Where a release is held up on its way to the end of the line; None where there is no line.

    That is the first environment of the way that it has not entered.
    """
    goal = next((place for place in places if place.environment == snapshot.goal), None)
    if goal is None:
        return None
    name = goal.environment
    if goal.state in ARRIVED or goal.state in (State.DEPLOYING, State.PASSED_OVER):
        text = _text(goal, release, snapshot)
        return Answer(name, goal.state in ARRIVED, text, (), ())
    held = next((place for place in _way(places, goal) if place.state not in ARRIVED), goal)
    commands = (held.command,) if held.command else ()
    return Answer(name, False, _text(held, release, snapshot), held.why, commands)


def _way(places: Sequence[Place], goal: Place) -> list[Place]:
    """The places from the beginning of the line to `goal`."""
    by_name = {place.environment: place for place in places}
    way = [goal]
    while (source := way[0].source) in by_name and by_name[source] not in way:
        way.insert(0, by_name[source])
    return way


def _text(place: Place, release: Released, snapshot: Snapshot) -> str:
    """How a release stands in one environment, in a sentence."""
    version, name = release.version, place.environment
    since = times.iso(place.since) if place.since else ""
    if place.state == State.RUNS:
        return f"{version} runs in {name} since {since}"
    if place.state == State.RAN:
        until = f" to {times.iso(place.until)}" if place.until else ""
        return f"{version} ran in {name} from {since}{until}"
    if place.state == State.DEPLOYING:
        return f"{version} is being deployed to {name} since {since}"
    if place.state == State.UNFINISHED:
        return f"the deploy of {version} to {name} was left unfinished; it began {since}"
    if place.state == State.PASSED_OVER:
        runs = next(line.running for line in snapshot.lines if line.environment == name)
        assert runs is not None
        return f"{name} runs {runs.version}, which was cut after {version}"
    if place.state == State.FAILED:
        said = f": {one_line(place.summary)}" if place.summary.strip() else ""
        return f"{version} failed in {name} at {since}{said}"
    if place.state == State.MAY_ENTER:
        return f"{version} may enter {name}; nobody has brought it there yet"
    return f"{version} waits before {name}"


def _line(snapshot: Snapshot, release: Released, places: tuple[Place, ...]) -> ReleaseLine:
    return ReleaseLine(
        name=name_of(release.version, release.digest),
        version=release.version,
        release=release.digest,
        cut=release.time if release.pins else None,
        by=release.actor,
        record=release.n,
        places=places,
    )


def evidence_line(entry: Evidence, versions: Mapping[str, str]) -> EvidenceLine:
    """One attempt of a check as a page shows it; `versions` names releases by their digests."""
    return EvidenceLine(
        record=entry.n,
        time=entry.time,
        by=entry.actor,
        check=entry.check,
        environment=entry.environment,
        copy=entry.copy,
        over=versions.get(entry.over, short(entry.over)) if entry.over else "",
        result=entry.result,
        seconds=entry.seconds,
        summary=entry.summary,
    )
