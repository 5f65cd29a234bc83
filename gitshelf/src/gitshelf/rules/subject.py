"""What rules look at: a manifest, and what its books are in git."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from gitshelf import git
from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Result, Running
from gitshelf.base.threads import run_all
from gitshelf.cache import Store, lfs
from gitshelf.compare import sources
from gitshelf.compare.sources import ShelfBook
from gitshelf.formats import gitobjects
from gitshelf.formats.gitobjects import is_id
from gitshelf.formats.pointers import Pointer
from gitshelf.git.reader import ObjectReader
from gitshelf.git.refs import UnknownCommit
from gitshelf.git.urls import local_path
from gitshelf.manifest import Manifest
from gitshelf.manifest.books import Book
from gitshelf.resolution import Options


class Subject:
    """A manifest under examination. Its methods raise GitshelfError, with file, line and book,
    if a repository cannot be asked."""

    def __init__(
        self,
        manifest: Manifest,
        options: Options,
        *,
        environment: str | None,
        tokens: Mapping[str, str],
        previous: str,
        signers: Path | None,
        keys: Path | None,
        folder: Path | None = None,
    ) -> None:
        self.manifest = manifest
        self._folder = folder or manifest.file.absolute().parent
        self.offline = options.offline
        self._environment = environment
        self._tokens = tokens
        self._previous = previous
        self._signers = signers
        self._keys = keys
        self._timeout = options.timeout
        self._options = options
        self._running = Running()
        self._fetcher = options.fetcher(self._running, manifest.urls)
        self._pins: dict[str, str] = {}
        self._lost: set[str] = set()
        self._left_out: frozenset[str] = frozenset()

    @property
    def books(self) -> tuple[Book, ...]:
        """The books from git, but for those that `leave_out` took."""
        return tuple(book for book in self.manifest.books if book.place not in self._left_out)

    def leave_out(self, *, lost: bool) -> None:
        """Whether books whose commit their repository did not have at `fetch` are left out."""
        self._left_out = frozenset(self._lost) if lost else frozenset()

    def fetch(self) -> None:
        """Bring all books into the cache, several at a time."""
        by_url: dict[str, list[Book]] = {}
        for book in self.books:
            by_url.setdefault(book.url, []).append(book)

        def bring(books: list[Book]) -> None:
            for book in books:
                try:
                    self.store(book)
                except UnknownCommit:
                    self._lost.add(book.place)

        tasks = [(books[0].place, partial(bring, books)) for books in by_url.values()]
        run_all(tasks, self._options.workers, self._running, self._options.report)

    def pin(self, book: Book) -> str:
        """The full id that a book stands for."""
        if is_id(book.branch):
            return book.branch
        if book.place not in self._pins:
            self._pins[book.place] = self.ref(book, book.branch)
        return self._pins[book.place]

    def ref(self, book: Book, name: str) -> str:
        """What a branch or tag of the book's repository stands for."""
        with book.at.locating():
            return self._fetcher.refs(book.url, [name])[name].id

    def store(self, book: Book) -> Store:
        """The repository, in the cache, that holds the book's commit."""
        with book.at.locating():
            return self._fetcher.ensure(book.url, [self.pin(book)])

    def still_has_pin(self, book: Book) -> bool:
        """Whether the repository itself still has the pin."""
        with book.at.locating():
            return self._fetcher.still_has(book.url, self.pin(book))

    def on_branch(self, book: Book, branch: str) -> bool:
        """Whether the book's commit is on a branch."""
        with book.at.locating():
            return self._fetcher.on_branch(book.url, self.commit(book), branch)

    def commit(self, book: Book) -> str:
        """The commit of a book: its pin, or what the annotated tag that is its pin names."""
        store = self.store(book)
        result = self.git(store, "rev-parse", "--verify", f"{self.pin(book)}^{{commit}}")
        if not result.ok:
            raise book.at.error(f"{self.pin(book)} is not a commit", "correct `branch`")
        return result.out.decode().strip()

    def tree(self, book: Book, reader: ObjectReader) -> str:
        """The tree of a book's commit; `reader` is open on its store."""
        ((kind, content),) = reader.read([self.pin(book)])
        if kind != "commit":  # an annotated tag's own id, which takes git to look behind
            ((_, content),) = reader.read([self.commit(book)])
        return gitobjects.parse_commit(content).tree

    def lfs_objects(
        self, book: Book, reader: ObjectReader, pointers: Mapping[bytes, Pointer]
    ) -> Mapping[str, Path]:
        """The file of each LFS object by its oid; `pointers` are pointers by path."""
        fetching = not self.offline or local_path(book.url) is not None
        objects = lfs.Objects(
            self.store(book),
            self._running,
            self._timeout,
            fetching=fetching,
            servers=self._fetcher.servers,
        )
        commit = lfs.Commit(book.url, self.commit(book), self.tree(book, reader), book.path)
        with book.at.locating():
            return objects.bring(reader, commit, pointers)

    def descends(self, book: Book, old: str) -> bool | None:
        """Whether the book's commit has `old` among its ancestors; None if the repository does
        not have `old` any more."""
        new = self.commit(book)
        if new == old:
            return True
        with book.at.locating():
            store, lost = self._fetcher.related(book.url, [old, new])
        if old in lost:
            return None
        return self.git(store, "merge-base", "--is-ancestor", old, new).ok

    def whole_store(self, book: Book) -> Store:
        """The repository, in the cache, with all branches and tags."""
        with book.at.locating():
            return self._fetcher.whole_store(book.url, len(self.pin(book)))

    def previous(self, setting: str) -> dict[str, ShelfBook]:
        """The books of the release before. Raises GitshelfError if nothing says which."""
        source = self._previous or (str(self._in_folder(setting)) if setting else "")
        if not source:
            raise GitshelfError(
                "the rule descends needs the release before",
                "give --previous FILE, or write `from: FILE` under the rule",
            )
        side = sources.read(source, environment=self._environment, tokens=self._tokens)
        return side.books

    def signers(self, setting: str) -> Path | None:
        """The allowed-signers file; None if nothing says which."""
        return self._file(self._signers, setting, "the signers file")

    def keys(self, setting: str) -> Path | None:
        """The file of OpenPGP public keys; None if nothing says which."""
        return self._file(self._keys, setting, "the file of keys")

    def _file(self, option: Path | None, setting: str, what: str) -> Path | None:
        file = option or (self._in_folder(setting) if setting else None)
        if file is not None and not file.is_file():
            raise GitshelfError(f"{what} {file} is not there", "correct its name")
        return file.absolute() if file else None

    def _in_folder(self, setting: str) -> Path:
        return self._folder / setting

    def git(self, store: Store, *arguments: str, extra_env: dict[str, str] | None = None) -> Result:
        """Run git on a repository of the cache."""
        return git.run(
            arguments,
            git_dir=store.path,
            timeout=self._timeout,
            extra_env=extra_env,
            running=self._running,
        )

    def reader(self, book: Book) -> ObjectReader:
        """A reader of the objects of the book's commit."""
        return ObjectReader(self.store(book).path, self._running, self._timeout)
