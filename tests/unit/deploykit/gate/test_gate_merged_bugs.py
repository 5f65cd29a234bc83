"""Trackers are told of what the gate merged, without a round of the gate waiting for them."""

from __future__ import annotations

import json
from pathlib import Path

from deploykit.base import webcall
from deploykit.bugs import Mention, Relation
from deploykit.bugs.trackers import Tracker, webhook
from deploykit.gate.merged_bugs import MergedBugs
from receiver import Receiver

FIX = Mention("7", Relation.CLOSES, "cloud/salt", "a" * 40, "a fix")
HALF = Mention("8", Relation.PARTIAL, "cloud/salt", "a" * 40, "a fix")


def bugs(folder: Path, server: Receiver, said: list[str]) -> MergedBugs:
    """What a gate that is started now has."""
    ours = Tracker("ours", server.url, "", None, webhook)
    return MergedBugs(folder / "bugs", [ours], said.append)


def test_merge_is_told_once_also_by_a_gate_that_is_started_anew(
    tmp_path: Path, server: Receiver
) -> None:
    for _ in range(2):
        gate = bugs(tmp_path, server, [])
        for _ in range(2):
            gate.note([FIX, HALF])
            gate.wait(60)
    told = [json.loads(body) for _, _, body in server.posts]
    assert [(one["bug"], one["release"], one["environment"]) for one in told] == [
        ("7", None, None),
        ("8", None, None),
    ]
    assert told[0]["text"].startswith("Merged, for the next release:\n\n* aaaaaaaaaaaa a fix")


def test_tracker_that_is_away_is_said_once_and_left_alone_for_a_while(
    tmp_path: Path, server: Receiver
) -> None:
    said: list[str] = []
    gate = bugs(tmp_path, server, said)
    server.failing = [500] * 100
    for _ in range(5):
        gate.note([FIX])
        gate.wait(60)
    assert len(said) == 1 and said[0].startswith("a bug tracker was not told: ours: POST")
    assert server.asked == webcall.TRIES
    server.failing = []
    gate._beside._not_before = 0.0  # the while is over
    gate.note([FIX])
    gate.wait(60)
    assert len(server.posts) == 1


def test_gate_without_trackers_starts_nothing(tmp_path: Path) -> None:
    gate = MergedBugs(tmp_path / "bugs", [], print)
    gate.note([FIX])
    assert not (tmp_path / "bugs").exists()
