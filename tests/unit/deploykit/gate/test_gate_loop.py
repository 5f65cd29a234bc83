"""The loop around the gate: a server that is away, and a second gate."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.base.filelock import only_one
from deploykit.base.times import utc_now
from deploykit.gate.access import Access
from deploykit.gate.config import Config
from deploykit.gate.facts import Reading
from deploykit.gate.loop import leave_report, run_gate
from deploykit.gate.merged_bugs import MergedBugs
from deploykit.gate.order import Queue
from deploykit.gate.report import FILE, read_report
from deploykit.gate.site import Opened, Surroundings, assembled
from deploykit.gate.standing import queues_json
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


def test_gate_that_runs_leaves_how_its_queues_stand(
    away: tuple[Opened, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, _ = away
    rounds = []

    def quiet_round() -> bool:
        rounds.append(1)
        opened.gate.reading = Reading({}, {}, (), {})
        return False

    monkeypatch.setattr(opened.gate, "round", quiet_round)
    folder = opened.lock.parent
    assert read_report(folder) is None
    run_gate(opened.gate, ["false"], opened.lock, until=lambda: bool(rounds))
    report = read_report(folder)
    assert report is not None and report.at <= utc_now()
    assert report.queues == queues_json(opened.gate, Reading({}, {}, (), {}))
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 2, "at": "x", "queues": []}',
                                  '{"format": 1, "at": "yesterday", "queues": []}'])  # fmt: skip
def test_report_that_cannot_be_read_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_report(tmp_path) is None


def test_report_that_cannot_be_kept_ends_no_gate(
    away: tuple[Opened, list[str]],
) -> None:
    opened, said = away
    opened.gate.reading = Reading({}, {}, (), {})
    (opened.lock.parent / FILE).mkdir()
    for _ in range(3):
        leave_report(opened.gate, opened.lock.parent)
    assert len(said) == 1 and "how the queues stand cannot be kept" in said[0]
