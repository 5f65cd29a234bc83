"""Two deployers at one master: whatever the moment, the later one stays and its number does."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from deploykit.master.remote import fence, secrets
from deploykit.master.remote.fence import Fence
from deploykit.master.remote.files import read_json
from deploykit.master.remote.protocol import AgentError

SOON = 10.0  # seconds
HOLDS, STAYS = "holds", "the session before on this master does not end"
OVERTAKEN = "this deployment (record 5 of the ledger) was overtaken: the one of record 6"


class Deployer:
    """A process that takes the fence with `number`, says how that went, and stays until it is told.

    With `pause` it stops itself (SIGSTOP) before so many lines of the fence's code have run.
    """

    def __init__(self, number: int, said: Path, pause: int = 0, start: int | None = None) -> None:
        self._said = said
        said.unlink(missing_ok=True)
        self.process = os.fork()
        if self.process == 0:
            self._work(number, pause, start)

    def _work(self, number: int, pause: int, start: int | None) -> None:
        try:
            if start is not None:
                os.read(start, 1)
            if pause:
                sys.settrace(stopping_before(pause))
            session = Fence()
            try:
                session.take(number)
                session.demand()
                word = HOLDS
            except AgentError as error:
                word = str(error)
            sys.settrace(None)
            aside = self._said.with_suffix(".new")
            aside.write_text(word, encoding="utf-8")
            aside.replace(self._said)
            if word == HOLDS:
                signal.pause()
        finally:
            os._exit(0)

    def paused(self) -> bool:
        """Whether it stops itself before it has said how it went."""
        while not self._said.exists():
            if os.waitpid(self.process, os.WUNTRACED | os.WNOHANG)[0]:
                return True
            time.sleep(0.005)
        return False

    def outcome(self) -> str:
        """What it said, or KILLED."""
        until = time.monotonic() + SOON
        while time.monotonic() < until:
            gone, status = os.waitpid(self.process, os.WNOHANG)
            if gone and os.WIFSIGNALED(status):
                return signal.Signals(os.WTERMSIG(status)).name
            if gone or self._said.exists():
                return self._said.read_text(encoding="utf-8")
            time.sleep(0.005)
        raise AssertionError("it says nothing")

    def end(self) -> None:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)


def stopping_before(line: int) -> Callable[..., Any]:
    """A trace function that stops this process before the `line`th line of the fence's code."""
    lines = itertools.count(1)

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != fence.__file__:
            return None
        if event == "line" and next(lines) == line:
            os.kill(os.getpid(), signal.SIGSTOP)
        return trace

    return trace


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(secrets, "ROOT", tmp_path / "environment")
    monkeypatch.setattr(fence, "WAIT", 0.5)
    return secrets.ROOT


@pytest.fixture
def deployer(tmp_path: Path) -> Iterator[Callable[..., Deployer]]:
    started: list[Deployer] = []

    def start(number: int, **how: Any) -> Deployer:
        started.append(Deployer(number, tmp_path / f"said-{len(started)}", **how))
        return started[-1]

    yield start
    for one in started:
        one.end()


def number_on(master: Path) -> int:
    found: int = read_json(master / fence.FILE, {"number": 0})["number"]
    return found


def test_deployment_that_is_paused_anywhere_is_overtaken_by_a_later_one(
    master: Path, deployer: Callable[..., Deployer]
) -> None:
    overtaken = set()
    for line in itertools.count(1):
        (master / fence.FILE).unlink(missing_ok=True)
        earlier = deployer(5, pause=line)
        if not earlier.paused():
            break
        later = deployer(6)
        how = later.outcome()
        os.kill(earlier.process, signal.SIGCONT)
        if how == STAYS:  # nobody can know yet whose the lock is; so nothing has changed
            assert (earlier.outcome(), number_on(master)) == (HOLDS, 5), line
        else:
            ended = earlier.outcome()
            assert (how, number_on(master)) == (HOLDS, 6), line
            assert ended == "SIGKILL" or ended.startswith(OVERTAKEN), (line, ended)
            assert deployer(5).outcome().startswith(OVERTAKEN), line
            overtaken.add(ended)
        earlier.end()
        later.end()
    assert line > 15
    assert len(overtaken) == 2  # some were ended, some refused


def test_deployment_that_is_paused_anywhere_is_ended_by_no_earlier_one(
    master: Path, deployer: Callable[..., Deployer]
) -> None:
    ways = set()
    for line in itertools.count(1):
        (master / fence.FILE).unlink(missing_ok=True)
        later = deployer(6, pause=line)
        if not later.paused():
            break
        earlier = deployer(5)
        how = earlier.outcome()
        os.kill(later.process, signal.SIGCONT)
        assert how in (HOLDS, STAYS) or how.startswith(OVERTAKEN), (line, how)
        end = later.outcome()
        if (how, end) == (HOLDS, STAYS):  # it was paused for longer than it may wait
            assert number_on(master) == 5, line
            later.end()
            earlier.end()
            continue
        assert (end, number_on(master)) == (HOLDS, 6), (line, how)
        if how == HOLDS:
            assert os.waitstatus_to_exitcode(os.waitpid(earlier.process, 0)[1]) == -signal.SIGKILL
        ways.add(how)
        later.end()
        earlier.end()
    assert line > 15
    assert len(ways) == 3


def test_of_two_that_come_at_once_the_later_one_stays(
    master: Path, deployer: Callable[..., Deployer]
) -> None:
    for _ in range(30):
        (master / fence.FILE).unlink(missing_ok=True)
        ready, go = os.pipe()
        earlier, later = deployer(5, start=ready), deployer(6, start=ready)
        os.write(go, b"..")
        assert later.outcome() == HOLDS
        earlier.end()
        assert number_on(master) == 6
        later.end()
        os.close(ready)
        os.close(go)


def test_process_that_got_the_number_of_one_long_gone_is_left_alone(master: Path) -> None:
    """The lock names who had it last; somebody only looks whether it is free, just now."""
    stranger = os.fork()
    if stranger == 0:
        signal.pause()
    try:
        master.mkdir()
        lock = master / fence.LOCK
        lock.write_text(f"{stranger} 1 5\n", encoding="utf-8")
        looking = os.open(lock, os.O_RDWR)
        assert fence._is_free(looking)
        with pytest.raises(AgentError, match=STAYS):
            Fence().take(6)
        assert os.waitpid(stranger, os.WNOHANG) == (0, 0)
        os.close(looking)
        Fence().take(6)
    finally:
        os.kill(stranger, signal.SIGKILL)
        os.waitpid(stranger, 0)
