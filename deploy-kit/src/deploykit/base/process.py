"""The one place where deploy-kit starts other programs."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from deploykit.base import files
from deploykit.base.errors import CommandFailed
from deploykit.base.printable import printable

TAIL_LINES = 30
MOST = 256 * 2**20  # characters that a program may print: they are kept, and go to a log
LONGEST = 2**20  # characters that are taken as one line
SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a finished program left: exit status, output, seconds of wall time."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float


class Runner(Protocol):
    """The signature of `run`, for code that is handed one."""

    def __call__(
        self,
        argv: Sequence[str | Path],
        *,
        timeout: float,
        input: str | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        log: Path | None = None,
        check: bool = True,
        on_line: Callable[[str], None] | None = None,
        title: str | None = None,
        still: Callable[[], None] | None = None,
    ) -> Result: ...


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    input: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    log: Path | None = None,
    check: bool = True,
    on_line: Callable[[str], None] | None = None,
    on_error_line: Callable[[str], None] | None = None,
    grace: float = 0.0,
    title: str | None = None,
    still: Callable[[], None] | None = None,
) -> Result:
    """Run `argv` without a shell for at most `timeout` seconds and return what it printed.

    `env` is added to this process's environment; what is None there is taken out. Output is
    appended line by line to `log` as it comes, without what could not be shown, and handed to
    `on_line` (standard output) and `on_error_line`. The program gets a process group of its own,
    which is killed whole when the time is over or this process is interrupted; first it is asked
    to end and has `grace` seconds for it. `title` is how errors call it. `still` is called before
    the program starts and every second while it runs; what it raises ends the program. Secrets
    belong in `input` or `env`, never in `argv`.

    Raises CommandFailed when the program is missing, is out of time, prints more than MOST (it may
    be others' code, or tell what others said) or (with `check`) exits non-zero; the message carries
    the last lines it printed.
    """
    words = tuple(str(word) for word in argv)
    name = title or _name(words)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(files.open_log(log)) if log else None
        if sink:
            sink.write(printable(f"$ {' '.join(words)}\n"))
        if still is not None:
            still()
        child = _start(words, cwd, env, fed=input is not None)
        output = _Output(child, sink, on_line, on_error_line)
        try:
            if child.stdin is not None and input is not None:
                _feed(child.stdin, input)
            _wait(child, timeout, still)
        except subprocess.TimeoutExpired:
            end_group(child, grace)
            output.end()
            raise CommandFailed(
                f"{name} did not finish within {timeout:.0f} s",
                _where(log, output.out + output.err),
            ) from None
        except BaseException:
            end_group(child, grace)
            raise
        finally:
            output.end()
    if output.too_much:
        raise CommandFailed(
            f"{name} printed more than {MOST / 2**20:g} MiB and was ended",
            _where(log, output.out + output.err),
        )
    out, err = "".join(output.out), "".join(output.err)
    result = Result(words, child.returncode, out, err, time.monotonic() - began)
    if check and result.returncode != 0:
        raise CommandFailed(
            f"{name} failed with exit status {result.returncode}",
            _where(log, output.err or output.out),
        )
    return result


def _start(
    words: tuple[str, ...], cwd: Path | None, env: Mapping[str, str | None] | None, *, fed: bool
) -> subprocess.Popen[str]:
    """The program in a process group of its own; `fed` says that it gets input."""
    own = {**os.environ, **(env or {})}
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={name: value for name, value in own.items() if value is not None},
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailed(
            f"cannot start {words[0]}: {error.strerror}",
            f"install {words[0]}, or look at 'deploy-kit doctor'",
        ) from None


def _wait(child: subprocess.Popen[str], timeout: float, still: Callable[[], None] | None) -> None:
    """Wait for the program's end. Raises TimeoutExpired, or what `still` does."""
    until = time.monotonic() + timeout
    while still is not None and until - time.monotonic() > SECOND:
        with contextlib.suppress(subprocess.TimeoutExpired):
            _wait_for_end(child, SECOND)
            return
        still()
    _wait_for_end(child, max(0.0, until - time.monotonic()))


class _Output:
    """What a program prints, taken in as it comes: kept as lines, logged, told."""

    def __init__(
        self,
        child: subprocess.Popen[str],
        sink: IO[str] | None,
        on_line: Callable[[str], None] | None,
        on_error_line: Callable[[str], None] | None,
    ) -> None:
        self.out: list[str] = []
        self.err: list[str] = []
        self.too_much = False
        self._child = child
        self._room = MOST
        self._sink = sink
        self._lock = threading.Lock()
        assert child.stdout is not None and child.stderr is not None
        self._pumps = [
            threading.Thread(target=self._pump, args=(stream, lines, tell), daemon=True)
            for stream, lines, tell in (
                (child.stdout, self.out, on_line),
                (child.stderr, self.err, on_error_line),
            )
        ]
        for thread in self._pumps:
            thread.start()

    def end(self) -> None:
        """Wait for the rest, but not for a grandchild that keeps the pipe."""
        for thread in self._pumps:
            thread.join(timeout=5)

    def _pump(self, stream: IO[str], lines: list[str], tell: Callable[[str], None] | None) -> None:
        while line := stream.readline(LONGEST):
            with self._lock:
                self._room -= len(line)
                if self._room < 0:
                    self.too_much = True
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(self._child.pid, signal.SIGKILL)
                    return
            lines.append(line)
            if self._sink:
                with self._lock:
                    self._sink.write(printable(line))
                    self._sink.flush()
            if tell:
                tell(line.rstrip("\n"))


def last_line(text: str) -> str:
    """The last line that is not blank in what a program printed; '' if there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _feed(stdin: IO[str], text: str) -> None:
    try:
        stdin.write(text)
        stdin.close()
    except BrokenPipeError:
        pass  # the program did not want it all; its exit status tells


def _wait_for_end(child: subprocess.Popen[Any], timeout: float) -> None:
    """Wait at most `timeout` seconds until the program ended; raises TimeoutExpired.

    `Popen.wait` with a timeout sleeps up to 50 ms between two looks (before Python 3.15), which
    was half of a train's time with small programs. Linux tells at once, by a descriptor.
    """
    if not hasattr(os, "pidfd_open"):
        child.wait(timeout=timeout)
        return
    descriptor = os.pidfd_open(child.pid)
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        if not ended.poll(timeout * 1000):
            raise subprocess.TimeoutExpired(child.args, timeout)
    finally:
        os.close(descriptor)
    child.wait()


def end_group(child: subprocess.Popen[Any], grace: float) -> None:
    """End the program and all that it started: by SIGTERM, and `grace` seconds later SIGKILL."""
    try:
        if grace:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            until = time.monotonic() + grace
            while _group_lives(child) and time.monotonic() < until:
                time.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _group_lives(child: subprocess.Popen[Any]) -> bool:
    """Whether a process of the program's group is there; the program is buried if it ended."""
    child.poll()
    try:
        os.killpg(child.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _name(words: tuple[str, ...]) -> str:
    text = " ".join(words)
    return text if len(text) <= 160 else text[:157] + "..."


def _where(log: Path | None, lines: list[str]) -> str:
    tail = "".join(lines[-TAIL_LINES:]).rstrip()
    words = f"it said:\n{tail}" if tail else "it printed nothing"
    return f"{words}\nthe whole log: {log}" if log else words
