"""The page that an approver reads: what comes with a release, and what stands against its entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deploykit.board.approval import live_of
from deploykit.board.approval_page import going_back, rehearsal_words
from deploykit.board.states import StatesShown, show_states
from deploykit.ledger.packages import PackageChange
from deploykit.ledger.words import short
from deploykit.policy.case import Case
from deploykit.policy.explanation import Row
from deploykit.release.packages import VendorChange
from deploykit.release.page import Page
from deploykit.site.going_back import RollbackClass, way_back
from deploykit.site.promotion import Promotion
from deploykit.web.edges import Edge
from deploykit.web.kept import Answer
from deploykit.web.pages import Reading, Why, reading_of
from deploykit.web.pages.places import ARRIVED, Place, judged_place
from deploykit.web.pages.releases import EvidenceLine, evidence_line, find_release, name_of
from deploykit.web.snapshot import Snapshot

if TYPE_CHECKING:
    from gitshelf.compare.comparison import Change

    from gitshelf import BookChanges

LAST = 253402300799  # of the year 9999, in seconds: a commit may say any time


@dataclass(frozen=True, slots=True)
class CommitLine:
    """A commit; `time` as its committer has it, `closes` the bugs that it says it closes."""

    commit: str
    time: datetime
    author: str
    subject: str
    closes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BookPart:
    """What happens to a book, in a line and commit by commit; `listed` is False if nobody can say
    which commits come."""

    book: str
    headline: str
    commits: tuple[CommitLine, ...]
    taken_back: tuple[CommitLine, ...]
    listed: bool


@dataclass(frozen=True, slots=True)
class FixedPart:
    """What an approval is bound to: its digest, the books, the vendor packages if the release pins
    some, what Salt would make otherwise, and what brings back what was before."""

    page: str
    books: tuple[BookPart, ...]
    rollback: RollbackClass
    going_back: str
    vendor: VendorChange | None = None
    states: StatesShown | None = None


@dataclass(frozen=True, slots=True)
class EntryPage:
    """An edge: the release `version` into `environment`, over what runs there or, if it is there
    already, over what ran before (`over`, '' for nothing).

    `place` is how it stands there, with every reason against its entry and what to do; `rules` is
    policy's whole answer. `fixed` is None until it was read from the repositories, in the
    background, `missing` why it cannot be. `approve` is the command of an approver who read it, ''
    if none is asked for. `rehearsal` is how the last one of going back ended, in words; '' if there
    is nothing to go back to. `packages` is None if nobody saw them with both releases.
    """

    reading: Reading
    environment: str
    version: str
    release: str
    name: str
    over: str
    over_release: str | None
    place: Place
    rules: tuple[Row, ...]
    fixed: FixedPart | None
    missing: Why | None
    approve: str
    packages: tuple[PackageChange, ...] | None
    evidence: tuple[EvidenceLine, ...]
    rehearsal: str


def edge_of(snapshot: Snapshot, environment: str, name: str) -> Edge | None:
    """The edge that `environment` and the name of a release say, None if there is no such one."""
    release = find_release(snapshot, name)
    if release is None or environment not in snapshot.environments:
        return None
    line = snapshot.line_of(environment)
    runs = line.running.digest if line.running is not None else None
    if runs != release.digest:
        return (runs, release.digest, environment)
    came = [one for one in snapshot.attempts[environment] if one.release == release.digest]
    over = next((one.over for one in reversed(came) if one.over != release.digest), None)
    return (over, release.digest, environment)


def entry_page(
    snapshot: Snapshot,
    environment: str,
    name: str,
    latest: Callable[[Edge], Answer[Page]],
    runnable: frozenset[str],
) -> EntryPage | None:
    """The page of the edge, None if there is none; `latest` says what is known of its fixed part,
    `runnable` are the checks that a train can run."""
    edge = edge_of(snapshot, environment, name)
    release = find_release(snapshot, name)
    if edge is None or release is None:
        return None
    line = snapshot.line_of(environment)
    place = judged_place(snapshot, release, line, runnable)
    rule = snapshot.policy.get(environment, Promotion())
    case = Case(release, environment, snapshot.records, snapshot.made, rule, None, runnable)
    arrived = place.state in ARRIVED
    live = live_of(snapshot.records, edge[0], release.digest, None if arrived else case)
    answer = latest(edge)
    fixed = _fixed(answer.value) if answer.value is not None else None
    over = snapshot.versions.get(edge[0], short(edge[0])) if edge[0] is not None else ""
    asked = bool(rule.approvals.count) and not arrived
    said = f" --page {fixed.page[:12]}" if fixed else ""
    called = name_of(release.version, release.digest)
    return EntryPage(
        reading=reading_of(snapshot),
        environment=environment,
        version=release.version,
        release=release.digest,
        name=called,
        over=over,
        over_release=edge[0],
        place=place,
        rules=live.rules,
        fixed=fixed,
        missing=_missing(answer),
        approve=f"deploy-kit approve {called} {environment}{said}" if asked else "",
        packages=live.packages,
        evidence=tuple(evidence_line(one, snapshot.versions) for one in live.evidence[::-1]),
        rehearsal=rehearsal_words(live.rehearsal) if edge[0] is not None else "",
    )


def _missing(answer: Answer[Page]) -> Why | None:
    if answer.trouble is None or answer.value is not None:
        return None
    return Why("not-read", answer.trouble.text, answer.trouble.remedy)


def _fixed(page: Page) -> FixedPart:
    return FixedPart(
        page=page.digest,
        books=tuple(map(_book, page.books)),
        rollback=way_back(page.moves).kind,
        going_back=going_back(page),
        vendor=page.vendor,
        states=show_states(page.states) if page.states else None,
    )


def _book(book: BookChanges) -> BookPart:
    return BookPart(
        book=book.book,
        headline=book.headline,
        commits=tuple(map(_commit, book.commits)),
        taken_back=tuple(map(_commit, book.taken_back)),
        listed=book.listed,
    )


def _commit(commit: Change) -> CommitLine:
    return CommitLine(
        commit=commit.commit,
        time=datetime.fromtimestamp(min(commit.time, LAST), UTC),
        author=commit.author,
        subject=commit.subject,
        closes=commit.closes,
    )
