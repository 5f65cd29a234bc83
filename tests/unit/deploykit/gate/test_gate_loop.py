"""The loop around the gate: a server that is away, and a second gate."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.base.filelock import only_one
from deploykit.gate.access import Access
from deploykit.gate.config import Config
from deploykit.gate.loop import run_gate
from deploykit.gate.merged_bugs import MergedBugs
from deploykit.gate.order import Queue
from deploykit.gate.site import Opened, Surroundings, assembled
from gatesite import joblogs_in
from jobprocesses import JobProcesses


@pytest.fixture
def away(tmp_path: Path) -> tuple[Opened, list[str]]:
    """A gate whose server is not there, and what it says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("password", "key", "hosts"):
        (tmp_path / name).write_text("secret\n", encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    access = Access(f"http://127.0.0.1:{port}", "gate", tmp_path / "password", "127.0.0.1", port,
                    tmp_path / "key", tmp_path / "hosts")  # fmt: skip
    config = Config(access, (Queue("integrated", "main", frozenset({"alpha"})),), ())
    said: list[str] = []
    executor = JobProcesses(tmp_path / "jobs")
    bugs = MergedBugs(tmp_path / "bugs", [], said.append)
    around = Surroundings(
        tmp_path / "gate", executor, lambda changes: {}, joblogs_in(tmp_path), bugs
    )
    return assembled(config, around, said.append), said


def test_server_that_is_away_for_ten_minutes_is_asked_less_and_less_and_said_once(
    away: tuple[Opened, list[str]],
) -> None:
    opened, said = away
    pauses: list[float] = []
    run_gate(opened.gate, ["false"], opened.lock, until=lambda: sum(pauses) >= 600,
             sleep=pauses.append)  # fmt: skip
    assert pauses[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(pauses[7:]) == {60}
    assert len(said) == 1 and "does not answer" in said[0]


def test_second_gate_of_a_site_refuses_to_run(away: tuple[Opened, list[str]]) -> None:
    opened, _ = away
    with only_one(opened.lock, "gate"), pytest.raises(DeployKitError, match="another gate"):
        run_gate(opened.gate, ["false"], opened.lock)
