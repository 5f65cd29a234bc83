"""A master that was taken over: what it answers takes bounded memory and disk here."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from deploykit.base.errors import NodeUnreachable
from deploykit.master import session
from deploykit.master.session import MasterSession
from deploykit.nodes.inventory import Inventory

# In the place of ssh: what the other end says, whatever it is asked.
TAKES = "exec 3<&0; cat <&3 >/dev/null 2>&1 & "
LINE = TAKES + "exec cat /dev/zero"
COMPLAINTS = TAKES + "exec yes complaint >&2"
EVENTS = TAKES + "exec yes '{\"event\": {}}'"


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program `ssh` is; the bounds are small."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(session, "MOST_ANSWER", 2**20)
    monkeypatch.setattr(session, "MOST_SAID", 2**20)
    monkeypatch.setattr(session, "WAITING", 100)
    monkeypatch.setattr(session, "HELLO_TIMEOUT", 5.0)
    return tmp_path / "ssh"


def says(ssh: Path, line: str) -> MasterSession:
    ssh.write_text(f"#!/bin/sh\n{line}\n")
    ssh.chmod(0o755)
    master = SimpleNamespace(name="salt")
    inventory = cast(Inventory, SimpleNamespace(master=master, ssh_config=ssh.parent / "config"))
    return MasterSession(inventory, ssh.parent / "log")


def test_answer_without_end_ends_the_session(answering: Path) -> None:
    began = time.monotonic()
    with (
        pytest.raises(NodeUnreachable, match="connection to the master salt ended"),
        says(answering, LINE),
    ):
        raise AssertionError("there is a session")
    assert time.monotonic() - began < 30


def test_master_that_takes_nothing_does_not_answer(answering: Path) -> None:
    """What is sent is more than a pipe holds: writing alone would wait for ever."""
    with (
        pytest.raises(NodeUnreachable, match="salt does not take a session"),
        says(answering, "exec sleep 60"),
    ):
        raise AssertionError("there is a session")


def test_complaints_without_end_do_not_fill_the_disk(answering: Path) -> None:
    with pytest.raises(NodeUnreachable), says(answering, COMPLAINTS):
        raise AssertionError("there is a session")
    assert (answering.parent / "log").stat().st_size <= 2**20


def test_events_that_nobody_takes_wait_at_the_other_end(
    answering: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session.MasterSession, "call", lambda *words, **more: None)
    with says(answering, EVENTS) as opened:
        time.sleep(1)
        assert opened._answers.qsize() == 100
        assert opened.alive
