"""The one way gitshelf runs programs: a list of arguments, a deadline, nothing left behind."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gitshelf.base.errors import GitshelfError

PIECE = 2**16  # bytes that are read at once


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended. `code` is negative if a signal ended it."""

    argv: tuple[str, ...]
    code: int
    out: bytes
    err: str

    @property
    def ok(self) -> bool:
        """Whether it exited with 0."""
        return self.code == 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a program may take, in bytes: `output` of its output and messages together, `memory` in
    each of its processes (None: as much as there is)."""

    output: int
    memory: int | None = None


class Timeout(GitshelfError):
    """A program took longer than it may."""


class TooMuch(GitshelfError):
    """A program said more than it may."""


class Stopped(GitshelfError):
    """The run was given up while this program was still going."""


class Running:
    """The programs of one piece of work, so that all of them can be ended from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: set[subprocess.Popen[bytes]] = set()
        self.stopped = False

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Take charge of a program; ends it at once if the work was stopped already."""
        with self._lock:
            self._live.add(process)
            stopped = self.stopped
        if stopped:
            end(process)

    def discard(self, process: subprocess.Popen[bytes]) -> None:
        """Forget a program that is over."""
        with self._lock:
            self._live.discard(process)

    def stop(self) -> None:
        """End all programs, those to come included."""
        with self._lock:
            self.stopped = True
            live = list(self._live)
        for process in live:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and the programs it started (it leads a session of its own)."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    stdin: int = subprocess.DEVNULL,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Start a program without a terminal. Raises GitshelfError if it is not installed."""
    try:
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=env,
            pass_fds=pass_fds,
            # Without a controlling terminal nothing can prompt.
            start_new_session=True,
            pipesize=1 << 20,
        )
    except FileNotFoundError:
        raise GitshelfError(
            f"the program {argv[0]} is not installed", f"install it (Debian: {_package(argv[0])})"
        ) from None
    except OSError as error:
        raise GitshelfError(f"{argv[0]} cannot be started: {error.strerror}") from None


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    input: bytes | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    running: Running | None = None,
    bounds: Bounds | None = None,
) -> Result:
    """Run a program to its end and keep what it said.

    `timeout` is in seconds; `running` lets another thread end it; `bounds` are for a program
    without input that passes on what a server sends. Raises Timeout, TooMuch, Stopped, or
    GitshelfError if the program is not installed.
    """
    stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
    limit: list[str] = []
    if bounds and bounds.memory and shutil.which("prlimit"):  # of util-linux, so on every Debian
        limit = ["prlimit", f"--data={bounds.memory}", "--"]
    process = start([*limit, *argv], env=env, pass_fds=pass_fds, stdin=stdin)
    if running:
        running.add(process)
    try:
        if bounds is None:
            out, err = process.communicate(input, timeout=timeout)
        else:
            out, err = _take_in(process, argv[0], timeout, bounds.output)
    except subprocess.TimeoutExpired:
        raise Timeout(
            f"{argv[0]} did not end within {timeout:g} s",
            "look at the network and the server; a bigger repository may need more time",
        ) from None
    finally:
        if process.returncode is None:
            end(process)
            process.communicate()
        if running:
            running.discard(process)
    if running and running.stopped:
        raise Stopped(f"{argv[0]} was stopped")
    return Result(tuple(argv), process.returncode, out, err.decode("utf-8", "replace"))


def _take_in(
    process: subprocess.Popen[bytes], name: str, timeout: float, most: int
) -> tuple[bytes, bytes]:
    """What the program `name` says, on standard output and on standard error, until it closes both.

    Raises TooMuch once that is more than `most` bytes together, TimeoutExpired after
    `timeout` seconds.
    """
    assert process.stdout is not None and process.stderr is not None
    deadline = time.monotonic() + timeout
    outputs = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as pipes:
        for pipe in outputs:
            pipes.register(pipe, selectors.EVENT_READ)
        while pipes.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(process.args, timeout)
            for key, _ in pipes.select(left):
                piece = os.read(key.fd, PIECE)
                outputs[key.fd] += piece
                if not piece:
                    pipes.unregister(key.fd)
            if sum(map(len, outputs.values())) > most:
                raise TooMuch(
                    f"{name} said more than {most / 2**20:g} MiB and was ended",
                    "look at the server: nobody needs that much to answer",
                )
    process.wait(max(deadline - time.monotonic(), 0))
    out, err = map(bytes, outputs.values())
    return out, err


def last_line(output: str) -> str:
    """The last line of what a program said that is not empty, "" if there is none."""
    return next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")


def _package(program: str) -> str:
    return {"ssh-keygen": "openssh-client"}.get(program, program)
