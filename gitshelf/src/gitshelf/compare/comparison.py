"""What changed between two shelves: per book its commits, authors, Change-Ids and fixed bugs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gitshelf import git
from gitshelf.base.errors import GitshelfError
from gitshelf.base.printable import text
from gitshelf.base.process import Running
from gitshelf.base.threads import run_all
from gitshelf.cache import Store
from gitshelf.cache.fetch import Fetcher
from gitshelf.compare import sources
from gitshelf.compare.sources import ShelfBook
from gitshelf.formats import gitobjects
from gitshelf.formats.gitobjects import is_id
from gitshelf.git.reader import ObjectReader
from gitshelf.kit.lock import INCLUDE, Policies
from gitshelf.manifest.books import Book
from gitshelf.resolution import Options, submodules
from gitshelf.shelf import nesting

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_TIME = re.compile(r"[0-9]{1,19}")
_LAST_TIME = 2**63 - 1  # of time_t, in seconds
_CHANGE_ID = re.compile(r"^Change-Id:[ \t]*(I[0-9a-f]{40})[ \t]*$", re.M)
# Gerrit's footers as OpenStack writes them; what is only partly mended is no fixed bug.
_CLOSES, _PARTIAL, _RELATED = (
    re.compile(rf"^{word}-Bug:[ \t]*#?[ \t]*(\S.*?)[ \t]*$", re.M | re.I)
    for word in ("Closes", "Partial", "Related")
)
Pairs = dict[str, tuple[ShelfBook | None, ShelfBook | None]]
"""Books by place: what they were and what they are."""


@dataclass(frozen=True, slots=True)
class Change:
    """A commit; `time` is the committer's, in seconds since 1970 (0 if git knows none).

    `address` is the author's, as the commit has it. `closes`, `partial` and `related` are the bugs
    of its lines Closes-Bug, Partial-Bug and Related-Bug.
    """

    commit: str
    author: str
    time: int
    subject: str
    change_ids: tuple[str, ...]
    closes: tuple[str, ...]
    partial: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    address: str = ""


@dataclass(frozen=True, slots=True)
class BookChanges:
    """What happened to a book. `kind` is ADDED, REMOVED or CHANGED; `old` and `new` are full ids,
    or the targets of a link, "" if there is none; `commits` are those that came, `taken_back`
    those that went, newest first; `note` says what the commits do not. `listed` is False if nobody
    can say which commits came and went, as after a history was rewritten: none is named then."""

    book: str
    kind: str
    old: str
    new: str
    url: str
    commits: tuple[Change, ...] = ()
    taken_back: tuple[Change, ...] = ()
    note: str = ""
    listed: bool = True

    @property
    def authors(self) -> list[str]:
        """Who wrote the commits, sorted; git knows no name in some old ones."""
        return sorted({change.author for change in self.commits} - {""})

    @property
    def headline(self) -> str:
        """What happened to it, in a line; what is as long as an id is cut short."""
        old, new = (name[:12] if len(name) in (40, 64) else name for name in (self.old, self.new))
        if self.kind == ADDED:
            return f"added at {new}"
        if self.kind == REMOVED:
            return f"removed, was at {old}"
        number = len(self.commits)
        by = f" by {', '.join(self.authors)}" if self.authors else ""
        return f"{old} -> {new}, {number} commit{'s' * (number != 1)}{by}"


def changes(
    old: str | Path,
    new: str | Path,
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    options: Options | None = None,
    whole: bool = False,
) -> list[BookChanges]:
    """What changed from one manifest, lock or kit to another, by place; see `sources.read` for what
    may be compared. Books that are the same are left out; the submodules that the others include
    count as books. With `whole`, a new book has all its commits.

    Raises GitshelfError, with the book, if a repository cannot be asked.
    """
    options = options or Options()
    before = sources.read(str(old), environment=environment, tokens=tokens).books
    after = sources.read(str(new), environment=environment, tokens=tokens).books
    running = Running()
    urls = [book.url for side in (before, after) for book in side.values()]
    work = _Comparison(options.fetcher(running, urls), running, options.timeout, whole)
    pairs: Pairs = {name: (before.get(name), after.get(name)) for name in {**before, **after}}
    books = []
    while pairs:
        tasks = [
            (name, partial(work.book, name, *pair))
            for name, pair in pairs.items()
            if _differ(*pair)
        ]
        results = run_all(tasks, options.workers, running, options.report)
        books += [book for book, _ in results if book is not None]
        pairs = {name: pair for _, inner in results for name, pair in inner.items()}
    return sorted(books, key=lambda book: book.book.encode())


def _differ(old: ShelfBook | None, new: ShelfBook | None) -> bool:
    """Whether a book has to be looked at: names of branches may stand for anything."""
    if old is None or new is None:
        return True
    same = (old.ref, old.path, old.link) == (new.ref, new.path, new.link)
    return not same or (not (new.link or is_id(new.ref)) and old.url != new.url)


class _Comparison:
    def __init__(self, fetcher: Fetcher, running: Running, timeout: float, whole: bool) -> None:
        self._fetcher = fetcher
        self._running = running
        self._timeout = timeout
        self._whole = whole

    def book(
        self, name: str, old: ShelfBook | None, new: ShelfBook | None
    ) -> tuple[BookChanges | None, Pairs]:
        """What happened to one book, None if nothing did; and the submodules that belong to it
        on either side."""
        shelf_book = new or old
        assert shelf_book is not None
        with shelf_book.at.locating():
            book_changes = self._compare(name, old, new)
            return book_changes, self._submodule_pairs(
                old, new, book_changes
            ) if book_changes else {}

    def _compare(
        self, name: str, old: ShelfBook | None, new: ShelfBook | None
    ) -> BookChanges | None:
        was, now = self._id_or_target(old), self._id_or_target(new)
        url = (new.url if new else "") or (old.url if old else "")
        kind = ADDED if old is None else REMOVED if new is None else CHANGED
        plain = BookChanges(name, kind, was, now, url)
        if new is not None and not new.link and (old is None or old.link) and self._whole:
            if not url:
                return replace(plain, listed=False)
            store, _ = self._fetcher.related(url, [now])
            return replace(plain, commits=self._log(store, now, new.path))
        if old is None or new is None:
            return plain
        note = ""
        if old.path != new.path:
            note = f"its folder was {old.path or '.'}, now it is {new.path or '.'}"
        if was == now:
            return replace(plain, note=note) if note else None
        if old.link or new.link:
            return plain
        if not url:
            raise GitshelfError(
                "nothing says where it comes from",
                "compare manifests or kits, or put manifest.yml beside the lock",
            )
        if len(was) != len(now):
            return replace(plain, note="its hash is another one now", listed=False)
        store, lost = self._fetcher.related(url, [was, now])
        if now in lost:
            raise GitshelfError(f"{url} has no commit {now}", "correct the pin")
        if was in lost:
            note = f"{was} is not in {url} any more, so the commits between cannot be listed"
            return replace(plain, note=note, listed=False)
        commits = self._log(store, f"{was}..{now}", new.path)
        taken_back = self._log(store, f"{now}..{was}", old.path)
        return replace(plain, commits=commits, taken_back=taken_back, note=note)

    def _submodule_pairs(
        self, old: ShelfBook | None, new: ShelfBook | None, book_changes: BookChanges
    ) -> Pairs:
        """The submodules that belong to a book, if both sides have it."""
        if not (old and new and book_changes.url) or old.link or new.link:
            return {}
        before = self._submodules(old, book_changes.old, book_changes)
        after = self._submodules(new, book_changes.new, book_changes)
        return {name: (before.get(name), after.get(name)) for name in {**before, **after}}

    def _submodules(
        self, shelf_book: ShelfBook, commit: str, book_changes: BookChanges
    ) -> dict[str, ShelfBook]:
        if shelf_book.submodules != INCLUDE:
            return {}
        store, lost = self._fetcher.related(book_changes.url, [commit])
        if lost:
            return {}
        links = nesting.gitlinks(store.path, commit, shelf_book.path, self._running)
        with ObjectReader(store.path, self._running, self._timeout) as reader:
            ((_, content),) = reader.read([commit])
            tree = gitobjects.parse_commit(content).tree
            inner = submodules.read(reader, tree, shelf_book.path, links, shelf_book.at)
        book = Book(
            place=book_changes.book,
            url=book_changes.url,
            branch=commit,
            path=shelf_book.path,
            track="",
            tag="",
            policies=Policies(submodules=INCLUDE),
            origin=book_changes.url,
            at=shelf_book.at,
        )
        return {
            inner_book.place: ShelfBook(
                inner_book.branch, inner_book.url, "", inner_book.at, submodules=INCLUDE
            )
            for inner_book in submodules.books([(book, inner.carried)], {})
        }

    def _id_or_target(self, shelf_book: ShelfBook | None) -> str:
        if shelf_book is None:
            return ""
        if shelf_book.link or is_id(shelf_book.ref):
            return shelf_book.link or shelf_book.ref
        return self._fetcher.refs(shelf_book.url, [shelf_book.ref])[shelf_book.ref].id

    def _log(self, store: Store, span: str, path: str) -> tuple[Change, ...]:
        """The commits of `span` (gitrevisions(7)), newest first."""
        arguments = ["log", "-z", "--encoding=UTF-8", "--format=%H%n%an%n%ae%n%ct%n%B"]
        paths = [f":(top,literal){path}"] if path else []
        result = git.run(
            [*arguments, span, "--", *paths],
            git_dir=store.path,
            timeout=self._timeout,
            running=self._running,
        )
        if not result.ok:
            raise GitshelfError(f"its commits cannot be listed: {git.last_line(result.err)}")
        records = result.out.decode("utf-8", "replace").split("\0")
        return tuple(parse_commit(record) for record in records if record)


def parse_commit(record: str) -> Change:
    """A commit from id, author, address, time and message, each beginning on a line of its own.

    Git prints no time if it cannot read the committer's line, and 1970 for a time that its clock
    cannot hold: both are 0.
    """
    commit, author, address, when, message = record.split("\n", 4)
    closes, partly, related = (
        tuple(dict.fromkeys(text(bug) for bug in form.findall(message)))
        for form in (_CLOSES, _PARTIAL, _RELATED)
    )
    return Change(
        commit,
        text(author),
        int(when) if _TIME.fullmatch(when) and int(when) <= _LAST_TIME else 0,
        text(message.strip().partition("\n")[0].rstrip()),
        tuple(dict.fromkeys(_CHANGE_ID.findall(message))),
        closes,
        partly,
        related,
        text(address),
    )
