"""What the commands have in common: options, JSON, amounts, the line of progress."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from gitshelf.base import printable
from gitshelf.base.errors import GitshelfError

_QUIET_SECONDS, _BETWEEN_SECONDS = 2.0, 0.2


def token_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say with which tokens a manifest is read."""
    for option in (
        click.option(
            "--token",
            "tokens",
            multiple=True,
            metavar="NAME=VALUE",
            help="The value of {NAME}; beats the environments. Repeatable.",
        ),
        click.option("--environment", metavar="NAME", help="Whose tokens to use."),
    ):
        command = option(command)
    return command


def manifest_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which manifest is read, and with which tokens."""
    option = click.option(
        "--gitshelf",
        "manifest",
        type=click.Path(path_type=Path),
        default="gitshelf.yml",
        show_default=True,
        metavar="FILE",
        help="The manifest.",
    )
    return option(token_options(command))


def run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of commands that fetch."""
    for option in (
        click.option(
            "--timeout",
            type=click.FloatRange(min=0.1),
            default=600.0,
            show_default=True,
            metavar="SECONDS",
            help="The longest that one fetch may take.",
        ),
        click.option("--offline", is_flag=True, help="Use the cache and this machine only."),
    ):
        command = option(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def token_values(pairs: Sequence[str]) -> dict[str, str]:
    """The values of `--token`. Raises GitshelfError for one without a value."""
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise GitshelfError(f"--token {pair}: no value", "write --token NAME=VALUE")
        values[name] = value
    return values


def print_json(document: dict[str, object]) -> None:
    """Print a document as all commands do."""
    click.echo(json.dumps(document, indent=2))


def say(line: str, *, err: bool = False) -> None:
    """Print a line that may have texts of others in it: names of files, authors, branches."""
    click.echo(printable.text(line), err=err)


def day(seconds: int) -> str:
    """The day (UTC) of a time since 1970; one beyond the calendar counts as 0, as in git."""
    try:
        moment = time.gmtime(seconds)
    except (OverflowError, OSError, ValueError):
        moment = time.gmtime(0)
    return time.strftime("%Y-%m-%d", moment)


def amount(size: int) -> str:
    """Bytes for people."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


class Progress:
    """One line on the terminal that is there only while something takes long."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _QUIET_SECONDS
        self._shown = False
        self.report = self._line if sys.stderr.isatty() else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _line(self, text: str) -> None:
        if time.monotonic() > self._next:
            self._next = time.monotonic() + _BETWEEN_SECONDS
            self._shown = True
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
