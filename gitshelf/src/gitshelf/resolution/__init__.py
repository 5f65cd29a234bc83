"""From a manifest to commits: which one each book is, brought into the cache."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from gitshelf import git, manifest
from gitshelf.base import files
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.base.process import Running
from gitshelf.base.threads import Report, run_all
from gitshelf.cache import Cache, Store
from gitshelf.cache.fetch import DEFAULT_TIMEOUT, Fetcher
from gitshelf.formats import gitobjects
from gitshelf.formats.gitobjects import Unfit
from gitshelf.git.reader import Missing, ObjectReader, peel
from gitshelf.git.refs import Ref, UnknownCommit
from gitshelf.git.urls import local_path
from gitshelf.manifest import Manifest
from gitshelf.manifest.books import Book, Link
from gitshelf.manifest.document import Location

if TYPE_CHECKING:
    from gitshelf.resolution.submodules import Submodule

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
        return {resolved.book.place: resolved.commit for resolved in self.books}


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

    def fetcher(self, running: Running, named: Iterable[str]) -> Fetcher:
        """A fetcher into the cache with these options; `running` lets another thread end it,
        `named` are the URLs whose servers may get a person's credentials."""
        return Fetcher(
            Cache(self.cache),
            running,
            timeout=self.timeout,
            offline=self.offline,
            named=named,
        )


class Made(Protocol):
    """What is made of a resolved book; the submodules that it has are books of the shelf, too."""

    @property
    def submodules(self) -> Sequence[Submodule]: ...


M = TypeVar("M", bound=Made)
M_co = TypeVar("M_co", bound=Made, covariant=True)
OpenReader = Callable[[], ObjectReader]
"""Opens, when first called, the store that holds a book's commit."""


class Make(Protocol[M_co]):
    """Makes something of a resolved book, while the books of other repositories are fetched.
    Raises GitshelfError with the book's location, Missing if the store is damaged."""

    def __call__(self, resolved: Resolved, reader: OpenReader, /) -> M_co: ...


@dataclass(frozen=True, slots=True)
class _Nothing:
    """Made of a book that only has to be resolved."""

    submodules: tuple[Submodule, ...] = ()


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
    parsed = load(file, environment, tokens)
    shelf = Shelf(parsed, options or Options())
    pairs = shelf.work(lambda _resolved, _reader: _Nothing())
    return Resolution(parsed, tuple(resolved for resolved, _ in pairs))


class Shelf:
    """The books of one manifest on their way into the cache. `cache`, `running` and `servers` (who
    may get credentials) are those of this run, for whoever makes something of its books."""

    def __init__(self, parsed: Manifest, options: Options) -> None:
        self._manifest = parsed
        self._options = options
        self.running = Running()
        self._fetcher = options.fetcher(self.running, parsed.urls)
        self.cache = self._fetcher.cache
        self.servers = self._fetcher.servers

    def work(self, make: Make[M]) -> list[tuple[Resolved, M]]:
        """Resolve, fetch and `make` all books, then the submodules of what was made, level by
        level; sorted by place. Raises GitshelfError with the location of the book at fault."""
        self.cache.sweep()
        taken = {book.place: book.at for book in self._manifest.books}
        taken |= {link.place + "/": link.at for link in self._manifest.links}
        pairs: list[tuple[Resolved, M]] = []
        books: Sequence[Book] = self._manifest.books
        while books:
            level = self._work_on(books, make)
            pairs += level
            books = _submodules(level, taken)
        pairs.sort(key=lambda pair: pair[0].book.place.encode())
        return pairs

    def _work_on(self, books: Sequence[Book], make: Make[M]) -> list[tuple[Resolved, M]]:
        by_url: dict[str, list[Book]] = defaultdict(list)
        for book in books:
            by_url[book.url].append(book)
        tasks = [
            (books[0].place or url, partial(self._work_on_repository, url, books, make))
            for url, books in by_url.items()
        ]
        groups = run_all(tasks, self._options.workers, self.running, self._options.report)
        return [pair for group in groups for pair in group]

    def _work_on_repository(
        self, url: str, books: list[Book], make: Make[M]
    ) -> list[tuple[Resolved, M]]:
        try:
            return self._fetch_and_make(url, books, make)
        except (Missing, Refused) as error:
            if self.running.stopped:
                raise
            if self._options.offline and local_path(url) is None:
                raise locate(error, books, {}) from None
        # The store seems damaged: bring its commits once more.
        for width in (40, 64):
            self._forget(self.cache.store(url, width))
        try:
            return self._fetch_and_make(url, books, make)
        except (Missing, Refused) as error:
            raise locate(error, books, {}) from None

    def _forget(self, store: Store) -> None:
        if store.path.exists():
            with store.writing(self._options.timeout):
                files.remove(store.path)

    def _fetch_and_make(
        self, url: str, books: list[Book], make: Make[M]
    ) -> list[tuple[Resolved, M]]:
        refs = self._pins(url, books)
        pins = {place: ref.id for place, ref in refs.items()}
        stores = self._stores(url, books, pins)
        pairs: list[tuple[Resolved, M]] = []
        with ExitStack() as stack:
            readers: dict[int, ObjectReader] = {}

            def open_reader(width: int) -> ObjectReader:
                if width not in readers:
                    opened = ObjectReader(stores[width].path, self.running, self._options.timeout)
                    readers[width] = stack.enter_context(opened)
                return readers[width]

            for book in books:
                ref = refs[book.place]
                reader = partial(open_reader, len(ref.id))
                try:
                    resolved = self._resolved(book, ref.id, reader)
                    self._check_track(resolved)
                    resolved = replace(resolved, branch=ref.branch, tag=ref.tag)
                    pairs.append((resolved, make(resolved, reader)))
                except Unfit as error:
                    # It came as it is, so fetching it again would not mend it.
                    raise book.at.error(error.message, "pin another commit") from None
        return pairs

    def _stores(self, url: str, books: Sequence[Book], pins: Mapping[str, str]) -> dict[int, Store]:
        """The stores that hold the pins of some books, by the length of the pins."""
        stores: dict[int, Store] = {}
        for width in {len(pin) for pin in pins.values()}:
            ids = list(dict.fromkeys(pin for pin in pins.values() if len(pin) == width))
            try:
                stores[width] = self._fetcher.ensure(url, ids)
            except GitshelfError as error:
                raise locate(error, [b for b in books if pins[b.place] in ids], pins) from None
        return stores

    def _pins(self, url: str, books: Sequence[Book]) -> dict[str, Ref]:
        """The full id that each book asks for, by place."""
        named = [book for book in books if not gitobjects.is_id(book.branch)]
        refs: dict[str, Ref] = {}
        if named:
            try:
                refs = self._fetcher.refs(url, [book.branch for book in named])
            except GitshelfError as error:
                raise locate(error, named, {b.place: b.branch for b in named}) from None
        return {book.place: refs.get(book.branch, Ref(book.branch)) for book in books}

    def _resolved(self, book: Book, pin: str, reader: Callable[[], ObjectReader]) -> Resolved:
        object_id = pin
        while True:
            git_object = self.cache.git_object(object_id)
            if git_object is None:
                try:
                    steps = peel(reader(), object_id)
                except (Missing, Refused):
                    raise
                except GitshelfError as error:
                    raise book.at.locate(error) from None
                for step, kind, content in steps:
                    self.cache.keep_object(step, kind, content)
                continue
            kind, content = git_object
            if kind == "commit":
                commit = gitobjects.parse_commit(content)
                return Resolved(book, object_id, content, commit.tree, commit.time)
            object_id, _ = gitobjects.parse_tag(content)

    def _check_track(self, resolved: Resolved) -> None:
        book = resolved.book
        if not book.track:
            return
        if self._options.offline and local_path(book.url) is None:
            # Nobody can be asked, and what the cache saw of the branch may be older than the pin.
            return
        try:
            is_on_branch = self._fetcher.on_branch(book.url, resolved.commit, book.track)
        except UnknownCommit as error:
            raise book.at.error(error.message, "correct `track`") from None
        except GitshelfError as error:
            raise book.at.locate(error) from None
        if not is_on_branch:
            raise book.at.error(
                f"the pin {resolved.commit} is not on the branch {book.track}",
                "pin a commit of that branch, or correct `track`",
            )


def _submodules(
    pairs: Sequence[tuple[Resolved, Made]], taken: dict[str, Location]
) -> Sequence[Book]:
    """The submodules of books, as books; their places are added to `taken`."""
    parents = [(resolved.book, made.submodules) for resolved, made in pairs if made.submodules]
    if not parents:
        return ()
    from gitshelf.resolution import submodules

    return submodules.books(parents, taken)


def locate(error: GitshelfError, books: Sequence[Book], pins: Mapping[str, str]) -> GitshelfError:
    """An error of fetching some books, with the location of the one that it is about; `pins` are
    what was asked for, by place."""
    about = books[0]
    if isinstance(error, UnknownCommit):
        about = next((book for book in books if pins[book.place] == error.wanted), about)
        if gitobjects.is_id(error.wanted) and not gitobjects.is_id(about.branch):
            message = f"{error.message} any more: {about.branch} was moved while it was read"
            error = UnknownCommit(error.wanted, message, "run again")
    located = about.at.locate(error)
    if about.within is not None and located is not error:
        located.remedy += "; or write `submodules: omit` in the book"
    return located
