"""Trying again: which failures of a fetch pass by themselves, and how long to wait before a try.

What git and curl say is matched in English, which `gitshelf.git` asks for.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gitshelf.base.process import Running, Stopped

if TYPE_CHECKING:
    import tempfile

TRIES = 4
"""How often a fetch is tried in all."""
FIRST_WAIT, FIRST_WAIT_ASKED = 0.5, 2.0
"""Seconds before the second try; the later figure if the server asks for patience (429, 503).
Each further wait is twice as long."""
_TICK = 0.1

# Texts, as patterns of this size take a millisecond to compile, which only failures need.
_FINAL = (
    r"not our ref|no such remote ref|couldn't find remote ref|unadvertised object|"
    r"want .* not valid|could not read (Username|Password)|Authentication failed|"
    r"terminal prompts disabled|Permission denied|Host key verification failed|"
    r"returned error: 4(?!29)\d\d|certificate|no space left|disk quota|read-only file system"
)
_PASSING = (
    r"returned error: (429|5\d\d)|HTTP (429|5\d\d)|RPC failed|"
    r"could ?n[o']t (resolve|connect)|failed to connect|connection (was )?(reset|refused|closed)|"
    r"timed out|too slow|empty reply|unreachable|no route to host|name resolution|"
    r"(recv|send) failure|transfer closed|disconnect|broken pipe|"
    r"early EOF|hung up|unexpected end|unexpected EOF|expected (flush|packfile|response)|"
    r"bad line length|protocol error|invalid server response|not valid: is this a git repository|"
    r"index-pack|pack (is )?corrupt|bad pack|inflate|SSL_|gnutls|TLS|kex_exchange"
)
_RETRY_AFTER = re.compile(r"Recv header: retry-after:\s*(\d{1,6})\s*$", re.I | re.M)
_ASKED = re.compile(r"(returned error:|HTTP) (429|503)", re.I)


def is_passing(url: str, message: str) -> bool:
    """Whether a failure may pass by itself, judged by git's `message` about `url`."""
    message = message.replace(url, "")
    return not re.search(_FINAL, message, re.I) and re.search(_PASSING, message, re.I) is not None


def first_wait(message: str) -> float:
    """The seconds before the second try, after a failure with git's `message`."""
    return FIRST_WAIT_ASKED if _ASKED.search(message) else FIRST_WAIT


def jittered_wait(first: float, attempt: int) -> float:
    """How long to wait after the failed `attempt` (from 1 on): half of it by chance, so that many
    clients that failed together do not come back together."""
    import random

    whole: float = first * 2 ** (attempt - 1)
    return whole * random.uniform(0.5, 1.0)  # noqa: S311


class Listening:
    """While it is entered, git notes the headers of answers in a file, if it is `wanted`: the
    only place where it tells the Retry-After of a server that asked for patience. That is from the
    second try on, so that a fetch without trouble pays nothing."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Listening:
        if self._wanted:
            import tempfile

            self._folder = tempfile.TemporaryDirectory(prefix="gitshelf-")
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder:
            self._folder.cleanup()

    @property
    def env(self) -> dict[str, str]:
        """What git's environment needs for that. Credentials are left out by git itself."""
        if not self._folder:
            return {}
        file = str(Path(self._folder.name) / "headers")
        return {"GIT_TRACE_CURL": file, "GIT_TRACE_CURL_NO_DATA": "1", "GIT_TRACE_REDACT": "1"}

    def seconds(self) -> float:
        """How long the server asked to wait, in seconds; 0 if it did not say, or by a date."""
        if not self._folder:
            return 0.0
        try:
            headers = (Path(self._folder.name) / "headers").read_text("latin-1")
        except OSError:
            return 0.0
        waits = _RETRY_AFTER.findall(headers)
        return float(waits[-1]) if waits else 0.0


def pause(seconds: float, running: Running) -> None:
    """Wait. Raises Stopped as soon as the run is given up."""
    for tick in _ticks(seconds):
        if running.stopped:
            raise Stopped("the wait for another try was stopped")
        time.sleep(tick)


def _ticks(seconds: float) -> Iterator[float]:
    while seconds > 0:
        yield min(seconds, _TICK)
        seconds -= _TICK
