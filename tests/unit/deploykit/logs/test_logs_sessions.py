"""What calls leave in their folders of logs is taken in when they ended, with how they ended."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.base.progress import Silent
from deploykit.logs.bulk import actions, demand_prefix
from deploykit.logs.runs import Ending, Log
from deploykit.logs.sessions import run_in, take_in
from deploykit.logs.store import Store
from deploykit.rollout.work import working
from deploykit.site import Site, open_site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "site.yml").write_text("name: here\n")
    return open_site(tmp_path)


def test_call_that_ended_is_kept_with_how_it_ended(site: Site) -> None:
    with working(site, Silent(), "train") as work:
        work.log("test-states").write_text("salt: motd: ok\n")
    with pytest.raises(DeployKitError), working(site, Silent(), "deploy") as work:
        work.log("test-states").write_text("db_password=hunter2\n")
        raise DeployKitError("test: token=hunter2 refused")
    with pytest.raises(KeyboardInterrupt), working(site, Silent(), "dev"):
        raise KeyboardInterrupt
    runs = {entry.run.command: entry.run for entry in Store(site.runs).runs()}
    assert {name: run.ending for name, run in runs.items()} == {
        "train": Ending.PASSED,
        "deploy": Ending.FAILED,
        "dev": Ending.STOPPED,
    }
    assert runs["deploy"].error == "test: token=*** refused"
    assert Store(site.runs).read(runs["deploy"].id)[1] == [
        Log("test-states.log", "db_password=***\n")
    ]


def folder_of(site: Site, name: str) -> Path:
    folder = site.logs / name
    folder.mkdir(parents=True)
    (folder / "test-day0.log").write_text("fatal: [salt]: UNREACHABLE! => {}\n")
    return folder


def test_call_that_was_killed_is_kept_and_one_that_goes_on_is_not(site: Site) -> None:
    killed = folder_of(site, "20261128T101112-train-99999999")
    folder_of(site, f"20261128T101113-train-{os.getpid()}")
    (site.logs / "image.log").write_text("no call of its own")
    (site.logs / "latest").symlink_to(killed.name)
    assert take_in(site) == 1
    assert take_in(site) == 0
    (only,) = Store(site.runs).runs()
    assert (only.run.id, only.run.ending) == (killed.name, Ending.UNKNOWN)


def test_ending_that_cannot_be_read_is_unknown(site: Site) -> None:
    folder = folder_of(site, "20261128T101112-train-99999999")
    for text in ("", "[]", '{"ending": "well", "error": "", "ended": "2026-11-28T10:11:13Z"}'):
        (folder / "ending.json").write_text(text)
        run = run_in(folder)
        assert run is not None and run.ending is Ending.UNKNOWN


def test_folder_that_goes_for_newer_ones_was_taken_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploykit.rollout.work.KEPT_LOGS", 4)
    old = folder_of(site, "20200101T000000-train-99999999")
    folder_of(site, "20200102T000000-train-99999999")
    for _ in range(4):
        with working(site, Silent(), "train"):
            pass
    assert not old.exists()
    assert old.name in Store(site.runs).ids()


def test_store_that_cannot_be_written_stops_no_call(site: Site) -> None:
    site.runs.parent.mkdir(parents=True)
    site.runs.write_text("a file in the way")
    with working(site, Silent(), "train") as work:
        work.log("x").write_text("y")


def test_export_is_the_bulk_format_with_ids_that_say_the_same_thing_once(site: Site) -> None:
    run = run_in(folder_of(site, "20261128T101112-train-99999999"))
    assert run is not None
    log = Log("a.log", "one\n\nthree \N{SNOWMAN}\n")
    found = {("a.log", 3): {"signature": "snow", "bug": "1"}}
    text = "".join(actions(run, [log], found, "logs"))
    assert text.endswith("\n") and text.isascii()
    lines = [json.loads(line) for line in text.splitlines()]
    heads, documents = lines[::2], lines[1::2]
    assert [head["index"]["_id"] for head in heads] == [
        run.id,
        f"{run.id}/a.log/1",
        f"{run.id}/a.log/3",
    ]
    assert {head["index"]["_index"] for head in heads} == {"logs-2026.11"}
    assert documents[2]["message"] == "three \N{SNOWMAN}" and documents[2]["bug"] == "1"
    assert "bug" not in documents[1] and documents[0]["kind"] == "run"


def test_name_that_opensearch_refuses_is_refused_here() -> None:
    with pytest.raises(DeployKitError):
        demand_prefix("Logs")
