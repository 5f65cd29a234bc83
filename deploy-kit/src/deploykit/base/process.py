"""The one place where deploy-kit starts other programs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from deploykit.base.errors import CommandFailed

TAIL_LINES = 30


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
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        check: bool = True,
        on_line: Callable[[str], None] | None = None,
    ) -> Result: ...


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    input: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    check: bool = True,
    on_line: Callable[[str], None] | None = None,
) -> Result:
    """Run `argv` without a shell for at most `timeout` seconds and return what it printed.

    `env` is added to this process's environment. Output is appended line by line to `log` as it
    comes and handed to `on_line` (standard output only). The program gets a process group of its
    own, which is killed whole when the time is over or this process is interrupted. Secrets
    belong in `input` or `env`, never in `argv`.

    Raises CommandFailed when the program is missing, is out of time, or (with `check`) exits
    non-zero; the message carries the last lines it printed.
    """
    words = tuple(str(word) for word in argv)
    began = time.monotonic()
    sink = log.open("a", encoding="utf-8") if log else None
    try:
        if sink:
            sink.write(f"$ {' '.join(words)}\n")
        return _run(words, timeout, input, cwd, env, sink, log, check, on_line, began)
    finally:
        if sink:
            sink.close()


def _run(
    words: tuple[str, ...],
    timeout: float,
    input: str | None,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    sink: IO[str] | None,
    log: Path | None,
    check: bool,
    on_line: Callable[[str], None] | None,
    began: float,
) -> Result:
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **env} if env else None,
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
    out: list[str] = []
    err: list[str] = []
    lock = threading.Lock()

    def pump(stream: IO[str], kept: list[str], tell: Callable[[str], None] | None) -> None:
        for line in stream:
            kept.append(line)
            if sink:
                with lock:
                    sink.write(line)
                    sink.flush()
            if tell:
                tell(line.rstrip("\n"))

    assert child.stdout is not None and child.stderr is not None
    pumps = [
        threading.Thread(target=pump, args=(child.stdout, out, on_line), daemon=True),
        threading.Thread(target=pump, args=(child.stderr, err, None), daemon=True),
    ]
    for thread in pumps:
        thread.start()
    try:
        if child.stdin is not None and input is not None:
            _feed(child.stdin, input)
        child.wait(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(child)
        raise CommandFailed(
            f"{_name(words)} did not finish within {timeout:.0f} s", _where(log, out + err)
        ) from None
    except BaseException:
        _kill(child)
        raise
    finally:
        for thread in pumps:
            thread.join(timeout=5)
    result = Result(words, child.returncode, "".join(out), "".join(err), time.monotonic() - began)
    if check and result.returncode != 0:
        raise CommandFailed(
            f"{_name(words)} failed with exit status {result.returncode}",
            _where(log, err or out),
        )
    return result


def last_line(text: str) -> str:
    """The last line that is not blank in what a program printed; '' if there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _feed(stdin: IO[str], text: str) -> None:
    try:
        stdin.write(text)
        stdin.close()
    except BrokenPipeError:
        pass  # the program did not want it all; its exit status tells


def _kill(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _name(words: tuple[str, ...]) -> str:
    text = " ".join(words)
    return text if len(text) <= 160 else text[:157] + "..."


def _where(log: Path | None, lines: list[str]) -> str:
    tail = "".join(lines[-TAIL_LINES:]).rstrip()
    said = f"it said:\n{tail}" if tail else "it printed nothing"
    return f"{said}\nthe whole log: {log}" if log else said
