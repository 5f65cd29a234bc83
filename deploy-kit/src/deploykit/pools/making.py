"""What a server works on beside its rounds: pods made, taken away, looked at, each in a thread.

Nothing is known here but what is under way: what came out of it is written down by the round that
finds it done, and by a later one if the state is away.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from deploykit.base.errors import DeployKitError
from gitshelf import GitshelfError

AT_ONCE = 32  # threads: the throttle says how many of them start pods


@dataclass(frozen=True, slots=True)
class Done:
    """A piece of work that ended: what it gave, or why it failed ("" if it did not)."""

    what: str
    name: str
    result: object
    trouble: str


@dataclass
class UnderWay:
    """Work by kind and name; each is done once at a time."""

    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "pool")
    )
    _running: dict[tuple[str, str], Future[object]] = field(default_factory=dict)

    def start(self, what: str, name: str, work: Callable[[], object]) -> None:
        """Have `work` done, unless the same is."""
        if (what, name) not in self._running:
            self._running[what, name] = self._threads.submit(work)

    def names(self, *kinds: str) -> list[str]:
        """What is worked on, of these kinds."""
        return [name for what, name in self._running if what in kinds]

    def done(self) -> list[Done]:
        """What ended; it is told until `forget` says that it was heard."""
        ended = []
        for (what, name), future in self._running.items():
            if future.done() and not future.cancelled():  # by the end, before it began
                ended.append(_outcome(what, name, future))
        return ended

    def forget(self, done: Done) -> None:
        """It was heard of."""
        self._running.pop((done.what, done.name), None)

    def end(self) -> None:
        """Start nothing more, and wait for what is under way."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def _outcome(what: str, name: str, future: Future[object]) -> Done:
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        error = future.exception()
        if error is None:
            return Done(what, name, future.result(), "")
        if isinstance(error, DeployKitError | GitshelfError):
            return Done(what, name, None, error.message)
        return Done(what, name, None, f"{type(error).__name__}: {error}")
    return Done(what, name, None, "it was told to end")
