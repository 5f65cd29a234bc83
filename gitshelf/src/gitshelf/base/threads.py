"""A few threads over independent pieces of work; a failure stops the rest, and every failure is
reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Running, Stopped

T = TypeVar("T")
Report = Callable[[str], None]
Task = tuple[str, Callable[[], T]]
_TICK = 0.5


def run_all(
    tasks: Iterable[Task[T]],
    workers: int,
    running: Running,
    report: Report | None = None,
) -> list[T]:
    """The results of all tasks (name, function), in order.

    Twice a second `report` gets a line that says how far the work is and what takes longest.
    If a task fails, the programs in `running` are ended and no other task begins. Raises what the
    task raised; if several failed until then, a GitshelfError that says what each of them did.
    What the disk refuses becomes a GitshelfError with the task's name.
    """
    todo = list(tasks)
    if len(todo) == 1 and report is None:
        return [_result_of(*todo[0])]
    return _Pool(todo, running).work(workers, report)


class _Pool(Generic[T]):
    def __init__(self, tasks: Sequence[Task[T]], running: Running) -> None:
        self._total = len(tasks)
        self._todo = list(enumerate(tasks))
        self._todo.reverse()
        self._running = running
        self._results: dict[int, T] = {}
        self._busy: dict[str, float] = {}
        self._failed: dict[int, BaseException] = {}
        self._change = threading.Condition()

    def work(self, workers: int, report: Report | None) -> list[T]:
        """Do all tasks. Raises as run_all does."""
        count = min(workers, self._total)
        threads = [threading.Thread(target=self._take_tasks, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            with self._change:
                while len(self._results) < self._total and not self._failed:
                    self._change.wait(_TICK)
                    if report and self._busy:
                        report(self._progress())
        finally:
            if len(self._results) < self._total:
                self._running.stop()
            for thread in threads:
                thread.join()
        if self._failed:
            raise _joined([self._failed[index] for index in sorted(self._failed)])
        return [self._results[index] for index in range(self._total)]

    def _take_tasks(self) -> None:
        while True:
            with self._change:
                if self._failed or not self._todo:
                    return
                index, (name, task) = self._todo.pop()
                self._busy[name] = time.monotonic()
            try:
                result = _result_of(name, task)
            except BaseException as error:
                with self._change:
                    self._failed[index] = error
                    self._change.notify_all()
                self._running.stop()
                return
            with self._change:
                self._results[index] = result
                del self._busy[name]
                self._change.notify_all()

    def _progress(self) -> str:
        slow = min(self._busy, key=lambda name: self._busy[name])
        seconds = time.monotonic() - self._busy[slow]
        done = f"{len(self._results)} of {self._total} done"
        return f"{done}, longest: {slow} ({seconds:.0f} s)"


def _joined(failures: Sequence[BaseException]) -> BaseException:
    """The one error to raise for several failures; tasks that were only stopped add nothing."""
    own = [error for error in failures if not isinstance(error, Stopped)]
    explained = [error for error in own if isinstance(error, GitshelfError)]
    if len(own) < 2 or len(explained) < len(own):
        # What is no GitshelfError is a fault of gitshelf itself, or an interrupt: it comes first.
        return next((error for error in own if error not in explained), (own or failures)[0])
    messages = list(dict.fromkeys(error.message for error in explained))
    remedies = list(dict.fromkeys(error.remedy for error in explained if error.remedy))
    joined = GitshelfError("\n  ".join(messages), "; ".join(remedies))
    joined.located = all(error.located for error in explained)
    joined.exit_code = max(error.exit_code for error in explained)
    return joined


def _result_of(name: str, task: Callable[[], T]) -> T:
    try:
        return task()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise GitshelfError(
            f"{name}: {where}{error.strerror or error}",
            "check the room on the disk and the rights, and run again",
        ) from error
