"""Progress that a person can follow: what is happening, how long it takes, how far along."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.markup import escape

from deploykit.base.printable import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


DETAIL = 200  # characters beside a running step


class Progress(Protocol):
    """Told by long work what it is doing; safe to call from several threads.

    `step` spans one named piece of work and prints it with its seconds when it ends; `note`
    changes the detail shown beside the running step, as one line; `say` prints a line that stays,
    with rich's markup.
    """

    def step(self, title: str) -> AbstractContextManager[Step]: ...

    def say(self, text: str) -> None: ...


class Step(Protocol):
    def note(self, detail: str) -> None: ...


class Silent:
    """Progress for library use and tests: says nothing."""

    @contextmanager
    def step(self, title: str) -> Iterator[Silent]:
        yield self

    def say(self, text: str) -> None:
        pass

    def note(self, detail: str) -> None:
        pass


class Shown:
    """Progress on a console: a live line per running step on a terminal, plain lines elsewhere.

    If the output is no terminal, a step says that it began, and every `EVERY` seconds that it goes
    on, so that a CI log shows life.
    """

    EVERY = 30.0

    def __init__(self, console: Console) -> None:
        # Here, as commands that show no progress must not wait for the import.
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
            console=console,
            transient=True,
        )
        self._lock = threading.Lock()
        self._running = 0

    def say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[_ShownStep]:
        began = time.monotonic()
        with self._lock:
            self._running += 1
            if self._running == 1 and self._console.is_terminal:
                self._bars.start()
        task = self._bars.add_task(escape(title), total=None, detail="")
        step = _ShownStep(self._bars, task, self._console, title=title, every=self.EVERY)
        mark = "[red]✗[/red]"
        try:
            yield step
            mark = "[green]✓[/green]"
        finally:
            seconds = time.monotonic() - began
            self._bars.remove_task(task)
            with self._lock:
                self._running -= 1
                if self._running == 0 and self._console.is_terminal:
                    self._bars.stop()
            self._console.print(
                f"{mark} {escape(title)} [dim]{seconds:.1f} s[/dim]", soft_wrap=True
            )


class _ShownStep:
    def __init__(
        self, bars: Bars, task: TaskID, console: Console, *, title: str, every: float
    ) -> None:
        self._bars, self._task, self._console = bars, task, console
        self._title, self._every = title, every
        self._began = self._told = time.monotonic()

    def note(self, detail: str) -> None:
        detail = one_line(detail, DETAIL)
        self._bars.update(self._task, detail=escape(detail))
        now = time.monotonic()
        if not self._console.is_terminal and now - self._told >= self._every:
            self._told = now
            text = f"  {self._title}: {detail} ({now - self._began:.0f} s)"
            self._console.print(text, soft_wrap=True, markup=False)
