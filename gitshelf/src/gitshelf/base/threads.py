"""A few threads over independent pieces of work; the first failure stops the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Running, Stopped

T = TypeVar("T")
Report = Callable[[str], None]
_TICK = 0.5


def run_all(
    tasks: Iterable[tuple[str, Callable[[], T]]],
    workers: int,
    running: Running,
    report: Report | None = None,
) -> list[T]:
    """The results of all tasks (name, function), in order.

    Twice a second `report` gets a line that says how far the work is and what takes longest.
    Whatever a task raises ends the programs in `running` and is raised here; what the disk refuses
    as a GitshelfError with the task's name.
    """
    todo = list(enumerate(tasks))
    total = len(todo)
    todo.reverse()
    results: dict[int, T] = {}
    busy: dict[str, float] = {}
    failed: list[BaseException] = []
    change = threading.Condition()

    def work() -> None:
        while True:
            with change:
                if failed or not todo:
                    return
                index, (name, task) = todo.pop()
                busy[name] = time.monotonic()
            try:
                result = _done(name, task)
            except BaseException as error:
                with change:
                    failed.append(error)
                    change.notify_all()
                running.stop()
                return
            with change:
                results[index] = result
                del busy[name]
                change.notify_all()

    if total == 1 and report is None:
        return [_done(*todo[0][1])]
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, total))]
    for thread in threads:
        thread.start()
    try:
        with change:
            while len(results) < total and not failed:
                change.wait(_TICK)
                if report and busy:
                    slow = min(busy, key=lambda name: busy[name])
                    seconds = time.monotonic() - busy[slow]
                    report(f"{len(results)} of {total} done, longest: {slow} ({seconds:.0f} s)")
    finally:
        if len(results) < total:
            running.stop()
        for thread in threads:
            thread.join()
    for error in failed:
        if not isinstance(error, Stopped):
            raise error
    if failed:
        raise failed[0]
    return [results[index] for index in range(total)]


def _done(name: str, task: Callable[[], T]) -> T:
    try:
        return task()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise GitshelfError(
            f"{name}: {where}{error.strerror or error}",
            "check the room on the disk and the rights, and run again",
        ) from error
