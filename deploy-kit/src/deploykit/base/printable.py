"""Text of others as it can be shown: records, nodes' answers, test results, names of files.

Whoever writes such text must not move a reader's cursor, fill their clipboard, hide a line or
draw one that nobody wrote. What is printed or logged goes through here at the edge: `Output` for
plain text, `base.console` for rich's, `base.process` for logs. What is meant to be one line goes
through `one_line` where it is put into a text.
"""

from __future__ import annotations

import contextlib
import io
import sys
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO, TextIO

REPLACED = "\N{REPLACEMENT CHARACTER}"
LINE = 10_000  # characters of a line that are shown
FIELD = 500  # and of one field


def printable(text: str) -> str:
    """`text` with every character replaced that does not show as one of its own.

    That are control characters (ESC and the C1 ones among them), those that change the direction
    of text or have no width, lone surrogates and what is no character. Line ends and tabs stay.
    Lines longer than `LINE` are cut.
    """
    if text.isascii() and text.isprintable() and len(text) <= LINE:
        return text
    return "".join(
        _cut("".join(map(_shown, line)), LINE) for line in text.splitlines(keepends=True)
    )


def one_line(text: str, limit: int = FIELD) -> str:
    """`text` as one line of at most `limit` characters: a field that others filled in."""
    return _cut(printable(" ".join(text.split())), limit)


def _shown(character: str) -> str:
    if character in "\n\t" or character.isprintable():
        return character
    return " " if unicodedata.category(character) == "Zs" else REPLACED


def _cut(text: str, limit: int) -> str:
    more = len(text) - limit
    if more <= 0:
        return text
    end = "\n" if text.endswith("\n") else ""
    return f"{text[:limit]}… ({more} more characters){end}"


class Output(io.TextIOBase):
    """A stream to which only printable text gets.

    rich writes to the stream behind it, as `rich_proxied_file` tells it: its own escape sequences
    are meant, and `base.console` has seen to the rest.
    """

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.rich_proxied_file.encoding

    @property
    def buffer(self) -> BinaryIO:
        """For bytes, which are no text of others: what click's completion prints."""
        return self.rich_proxied_file.buffer

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self.rich_proxied_file.errors

    def write(self, text: str) -> int:
        self.rich_proxied_file.write(printable(text))
        return len(text)

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        self.rich_proxied_file.flush()

    def isatty(self) -> bool:
        return self.rich_proxied_file.isatty()

    def fileno(self) -> int:
        return self.rich_proxied_file.fileno()


@contextlib.contextmanager
def printable_output() -> Iterator[None]:
    """Within, what goes to standard output and error is printable, and encodable: what a
    terminal's encoding cannot say is a question mark there."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    with (
        contextlib.redirect_stdout(Output(sys.stdout)),
        contextlib.redirect_stderr(Output(sys.stderr)),
    ):
        yield
