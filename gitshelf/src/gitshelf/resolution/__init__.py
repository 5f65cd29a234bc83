"""From a manifest to commits: which one each book is, brought into the cache."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gitshelf import git, manifest
from gitshelf.base import files
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.base.process import Running, Stopped
from gitshelf.base.threads import Report, run_all
from gitshelf.cache import Cache, Store
from gitshelf.cache.fetch import DEFAULT_TIMEOUT, Fetcher
from gitshelf.formats import gitobjects
from gitshelf.git import reader as objects
from gitshelf.git.reader import Missing, ObjectReader
from gitshelf.git.refs import Ref, UnknownCommit
from gitshelf.git.urls import local_path
from gitshelf.manifest import Manifest
from gitshelf.manifest.books import Book, Link
from gitshelf.manifest.document import Place

if TYPE_CHECKING:
    from gitshelf.assembly.chunks import Chunk

WORKERS = 4


@dataclass(frozen=True, slots=True)
class Resolved:
    """A book with its commit; `raw` is the commit object, `tree` the commit's tree, `time` its
    committer's, in seconds. `branch` is the branch that was asked for, `tag` the tag."""

    book: Book
    commit: str
    raw: bytes
    tree: str
    time: int
    branch: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a manifest resolved to, sorted by place."""

    manifest: Manifest
    books: tuple[Resolved, ...]

    @property
    def links(self) -> tuple[Link, ...]:
        """The books that are links."""
        return self.manifest.links

    @property
    def commits(self) -> dict[str, str]:
        """The commit of each book, by its place on the shelf."""
        return {one.book.book: one.commit for one in self.books}


@dataclass(frozen=True, slots=True)
class Options:
    """How to work: `timeout` in seconds per call of git; `report` gets lines on the progress.
    With `offline` only local repositories and the cache are asked, so that whether a pin is on the
    branch it tracks is taken for granted."""

    cache: Path | None = None
    offline: bool = False
    timeout: float = DEFAULT_TIMEOUT
    workers: int = WORKERS
    report: Report | None = None


def load(
    file: Path, environment: str | None = None, tokens: Mapping[str, str] | None = None
) -> Manifest:
    """Read a manifest, with `{here}` as the git work tree that holds it."""
    folder = Path(file).absolute().parent
    return manifest.load(
        file, environment=environment, tokens=tokens, here=lambda: git.toplevel(folder)
    )


def resolve(
    file: Path,
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    options: Options | None = None,
) -> Resolution:
    """The commit of every book of the manifest `file`, fetched into the cache.

    Raises GitshelfError, with file, line and book, for whatever is wrong in the manifest or cannot
    be fetched, and for a pin that is not on the branch it says it tracks.
    """
    read = load(file, environment, tokens)
    shelf = Shelf(read, options or Options())
    return Resolution(read, tuple(one for one, _ in shelf.work(splicing=False)))


class Shelf:
    """The books of one manifest on their way into the cache."""

    def __init__(self, read: Manifest, options: Options) -> None:
        self._manifest = read
        self._options = options
        self._running = Running()
        self._cache = Cache(options.cache)
        self._fetcher = Fetcher(
            self._cache, self._running, timeout=options.timeout, offline=options.offline
        )

    def work(self, *, splicing: bool) -> list[tuple[Resolved, Chunk | None]]:
        """Resolve, fetch and (with `splicing`) splice all books, and then their
        submodules that belong to the kit; sorted by place."""
        self._cache.sweep()
        taken = {book.book: book.place for book in self._manifest.books}
        taken |= {link.book + "/": link.place for link in self._manifest.links}
        done: list[tuple[Resolved, Chunk | None]] = []
        books: Sequence[Book] = self._manifest.books
        while books:
            found = self._all(books, splicing)
            done += found
            books = _submodules(found, taken)
        done.sort(key=lambda one: one[0].book.book.encode())
        return done

    def _all(self, books: Sequence[Book], splicing: bool) -> list[tuple[Resolved, Chunk | None]]:
        by_url: dict[str, list[Book]] = defaultdict(list)
        for book in books:
            by_url[book.url].append(book)

        def task(url: str, books: list[Book]) -> Callable[[], list[tuple[Resolved, Chunk | None]]]:
            return lambda: self._group(url, books, splicing)

        tasks = [(books[0].book or url, task(url, books)) for url, books in by_url.items()]
        groups = run_all(tasks, self._options.workers, self._running, self._options.report)
        return [one for group in groups for one in group]

    def _group(
        self, url: str, books: list[Book], splicing: bool
    ) -> list[tuple[Resolved, Chunk | None]]:
        """The books of one repository."""
        try:
            return self._fetched(url, books, splicing)
        except (Missing, Refused) as error:
            if self._running.stopped:
                raise
            if self._options.offline and local_path(url) is None:
                raise placed(error, books, {}) from None
        # The store is damaged, or so it looks: bring its commits once more.
        for width in (40, 64):
            self._forget(self._cache.store(url, width))
        try:
            return self._fetched(url, books, splicing)
        except (Missing, Refused) as error:
            raise placed(error, books, {}) from None

    def _forget(self, store: Store) -> None:
        if store.path.exists():
            with store.writing(self._options.timeout):
                files.remove(store.path)

    def _fetched(
        self, url: str, books: list[Book], splicing: bool
    ) -> list[tuple[Resolved, Chunk | None]]:
        refs = self._pins(url, books)
        pins = {book: ref.id for book, ref in refs.items()}
        stores: dict[int, Store] = {}
        for width in {len(pin) for pin in pins.values()}:
            wanted = list(dict.fromkeys(pin for pin in pins.values() if len(pin) == width))
            try:
                stores[width] = self._fetcher.ensure(url, wanted)
            except GitshelfError as error:
                raise placed(error, [b for b in books if pins[b.book] in wanted], pins) from None
        done: list[tuple[Resolved, Chunk | None]] = []
        with ExitStack() as stack:
            readers: dict[int, ObjectReader] = {}

            def reader(width: int) -> ObjectReader:
                if width not in readers:
                    opened = ObjectReader(stores[width].path, self._running, self._options.timeout)
                    readers[width] = stack.enter_context(opened)
                return readers[width]

            for book in books:
                pin = pins[book.book]
                one = self._resolved(book, pin, lambda pin=pin: reader(len(pin)))  # type: ignore[misc]
                self._check_track(one)
                ref = refs[book.book]
                one = replace(one, branch=ref.branch, tag=ref.tag)
                chunk = None
                if splicing:
                    from gitshelf.assembly.cached import chunk_of

                    chunk = chunk_of(
                        one,
                        lambda pin=pin: reader(len(pin)),  # type: ignore[misc]
                        self._cache,
                        self._running,
                        self._options,
                    )
                done.append((one, chunk))
        return done

    def _pins(self, url: str, books: Sequence[Book]) -> dict[str, Ref]:
        """The full id that each book asks for, by place."""
        named = [book for book in books if not gitobjects.is_id(book.branch)]
        found: dict[str, Ref] = {}
        if named:
            try:
                found = self._fetcher.refs(url, [book.branch for book in named])
            except GitshelfError as error:
                raise placed(error, named, {b.book: b.branch for b in named}) from None
        return {book.book: found.get(book.branch, Ref(book.branch)) for book in books}

    def _resolved(self, book: Book, pin: str, reader: Callable[[], ObjectReader]) -> Resolved:
        object_id = pin
        while True:
            known = self._cache.git_object(object_id)
            if known is None:
                try:
                    steps = objects.peel(reader(), object_id)
                except (Missing, Refused):
                    raise
                except GitshelfError as error:
                    raise book.place.error(error.message, error.remedy) from None
                for step, kind, content in steps:
                    self._cache.keep_object(step, kind, content)
                continue
            kind, content = known
            if kind == "commit":
                commit = gitobjects.parse_commit(content)
                return Resolved(book, object_id, content, commit.tree, commit.time)
            object_id, _ = gitobjects.parse_tag(content)

    def _check_track(self, one: Resolved) -> None:
        book = one.book
        if not book.track:
            return
        if self._options.offline and local_path(book.url) is None:
            # Nobody can be asked, and what the cache saw of the branch may be older than the pin.
            return
        try:
            there = self._fetcher.on_branch(book.url, one.commit, book.track)
        except UnknownCommit as error:
            raise book.place.error(error.message, "correct `track`") from None
        except GitshelfError as error:
            raise book.place.error(error.message, error.remedy) from None
        if not there:
            raise book.place.error(
                f"the pin {one.commit} is not on the branch {book.track}",
                "pin a commit of that branch, or correct `track`",
            )


def _submodules(
    found: Sequence[tuple[Resolved, Chunk | None]], taken: dict[str, Place]
) -> Sequence[Book]:
    """The submodules of spliced books, as books; their places are added to `taken`."""
    above = [(one.book, chunk.submodules) for one, chunk in found if chunk and chunk.submodules]
    if not above:
        return ()
    from gitshelf.resolution import submodules

    return submodules.books(above, taken)


def placed(error: GitshelfError, books: Sequence[Book], pins: Mapping[str, str]) -> GitshelfError:
    """An error of fetching with the place of the book that it is about."""
    if isinstance(error, Stopped):
        return error
    about = books[0]
    if isinstance(error, UnknownCommit):
        about = next((book for book in books if pins[book.book] == error.wanted), about)
    if about.within is not None:
        from gitshelf.resolution import submodules

        error = submodules.unknown(error, about)
    place: Place = about.place
    return place.error(error.message, error.remedy)
