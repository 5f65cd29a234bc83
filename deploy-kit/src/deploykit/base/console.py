"""rich's console for text of others: nothing but rich itself moves the cursor.

Consoles are made here only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from deploykit.base.printable import printable

WIDTH = 100  # columns of a table, if the output is no terminal


class PrintableConsole(Console):
    """A console that prints what `printable` leaves of each piece of text."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else printable(segment.text)
            yield segment if text is segment.text else Segment(text, segment.style)


def stdout() -> Console:
    """Where results go; brackets in them are no markup."""
    return PrintableConsole(highlight=False, markup=False)


def stderr() -> Console:
    """Where progress goes, with rich's markup."""
    return PrintableConsole(stderr=True, highlight=False)


def for_tables() -> Console:
    """Where tables go: as wide as the terminal, else `WIDTH` columns and plain."""
    settings: dict[str, Any] = {"highlight": False, "markup": False}
    console = PrintableConsole(**settings)
    return console if console.is_terminal else PrintableConsole(width=WIDTH, **settings)
