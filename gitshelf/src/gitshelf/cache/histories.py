"""The history of a book in the cache, from which clones for development are made."""

from __future__ import annotations

from collections.abc import Sequence

from gitshelf import git
from gitshelf.base.errors import GitshelfError
from gitshelf.cache import Store
from gitshelf.cache.fetch import Fetcher


class Histories:
    """Whole histories, which `fetcher` brings into its cache."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def history(self, url: str, pins: Sequence[str], *, fresh: bool) -> Store:
        """The store with the history of the commits (or tags) `pins`; the repository is asked
        if one is missing, or if its branches and tags must be `fresh`. Raises UnknownCommit,
        and GitshelfError as Fetcher does."""
        store = self._fetcher.cache.store(url, len(pins[0]), full=True)
        usable = store.path.exists() and not store.is_shallow
        if not fresh and usable and self._holds(store, pins):
            return store
        store = self._fetcher.whole_store(url, len(pins[0]))
        for pin in pins:
            if self._holds(store, [pin]):
                continue
            # Not on a branch or tag (a review, a branch that was rewritten): ask for it by id.
            self._fetcher.bring_whole(store, url, pin)
        return store

    def _holds(self, store: Store, pins: Sequence[str]) -> bool:
        """Whether every commit is there with all that leads to it."""
        result = git.run(
            ["rev-list", "--quiet", "--objects", *pins, "--not", "--all"],
            git_dir=store.path,
            timeout=self._fetcher.timeout,
            running=self._fetcher.running,
        )
        return result.ok

    def peel(self, store: Store, pin: str) -> str:
        """The commit that `pin`, a commit or tag, stands for."""
        result = git.run(
            ["rev-parse", "--verify", "--quiet", f"{pin}^{{commit}}"],
            git_dir=store.path,
            running=self._fetcher.running,
        )
        if not result.ok:
            raise GitshelfError(f"{pin} is not a commit", "correct `branch`")
        return result.out.decode("ascii").strip()
