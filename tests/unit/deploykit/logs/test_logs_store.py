"""The store: runs kept, found by words, and gone; its index may be lost at any time."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.logs.index import IndexEntry
from deploykit.logs.intake import take_files
from deploykit.logs.retention import going
from deploykit.logs.runs import Ending, Log, Run, cleaned
from deploykit.logs.search import best_lines, search
from deploykit.logs.store import Store

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def run(n: int, ending: Ending = Ending.FAILED) -> Run:
    began = NOON + timedelta(minutes=n)
    return Run(f"{began:%Y%m%dT%H%M%S}-train-{n}", "train", began, began, ending, "no")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    for n in range(3):
        text = f"the first line\nrun {n} of nova_api timed out\nthe end\n"
        assert store.put(run(n), [Log("a.log", text), Log("b.log", f"only{n} nova\n")])
    return store


def found(store: Store, words: str, most: int = 20) -> list[tuple[str, str]]:
    return [(one.run.id, one.log) for one in search(store, words, most, 3)]


def test_words_are_found_wherever_they_stand_the_newest_first(store: Store) -> None:
    assert found(store, "TIMED nova") == [(run(n).id, "a.log") for n in (2, 1, 0)]
    assert found(store, "only1") == [(run(1).id, "b.log")]
    assert found(store, "nova", most=2) == [(run(2).id, "b.log"), (run(2).id, "a.log")]
    assert found(store, "onl*", most=1) == [(run(2).id, "b.log")]
    assert found(store, "only1 timed") == []


def test_line_that_holds_most_of_the_words_is_shown(store: Store) -> None:
    (hit, *_) = search(store, "the nova_api", 1, 1)
    assert hit.lines == ((2, "run 2 of nova_api timed out"),)
    assert best_lines("a\nb a\na\n", ["a", "b"], 2) == [(2, "b a"), (3, "a")]


@pytest.mark.parametrize("words", ["", "  ", "-", '"', "*", "_"])
def test_search_without_a_word_is_refused(store: Store, words: str) -> None:
    with pytest.raises(InputError):
        search(store, words, 1, 1)


@pytest.mark.parametrize(
    "words", ["AND", "nova OR x", 'a"b', "NEAR(a b)", "text:nova", "^nova", "a'--"]
)
def test_words_of_the_query_language_are_words(store: Store, words: str) -> None:
    search(store, words, 1, 1)


@pytest.mark.parametrize("harm", ["gone", "damaged", "empty", "older", "truncated"])
def test_index_that_is_lost_is_made_again(store: Store, tmp_path: Path, harm: str) -> None:
    before = found(store, "nova")
    index = tmp_path / "runs" / "index.sqlite"
    if harm == "gone":
        index.unlink()
    elif harm == "older":
        os.truncate(index, 0)
    else:
        data = index.read_bytes()
        index.write_bytes(
            {"damaged": b"x" * len(data), "empty": b"", "truncated": data[:5000]}[harm]
        )
    assert found(store, "nova") == before
    assert len(store.runs()) == 3


def test_run_that_somebody_removed_is_not_known_any_more(store: Store, tmp_path: Path) -> None:
    assert found(store, "only1")
    (tmp_path / "runs" / f"{run(1).id}.zst").unlink()
    assert found(store, "only1") == []
    assert len(store.runs()) == 2


def test_run_that_somebody_brought_is_known(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    other.put(run(7), [Log("a.log", "brought along")])
    (tmp_path / "other" / f"{run(7).id}.zst").rename(tmp_path / "runs" / f"{run(7).id}.zst")
    assert found(store, "brought") == [(run(7).id, "a.log")]


def test_removed_run_leaves_no_word_behind(store: Store, tmp_path: Path) -> None:
    store.remove([run(1).id])
    assert found(store, "only1") == [] and found(store, "only2")
    assert [entry.run.id for entry in store.runs()] == [run(0).id, run(2).id]
    with pytest.raises(InputError):
        store.read(run(1).id)


def test_words_of_the_newest_run_go_with_it_and_are_not_those_of_the_next(store: Store) -> None:
    """SQLite gives the next run the number of the one that went."""
    store.remove([run(2).id])
    store.put(run(3), [Log("c.log", "another"), Log("d.log", "text")])
    assert found(store, "only2") == []
    assert found(store, "another") == [(run(3).id, "c.log")]


def test_run_is_kept_once_and_as_it_was(store: Store) -> None:
    assert not store.put(run(1), [Log("a.log", "another")])
    kept, logs = store.read(run(1).id)
    assert kept == run(1)
    assert [log.name for log in logs] == ["a.log", "b.log"] and "run 1" in logs[0].text


def test_damaged_run_stops_nothing_but_itself(store: Store, tmp_path: Path) -> None:
    (tmp_path / "runs" / f"{run(1).id}.zst").write_bytes(b"no run")
    (tmp_path / "runs" / "index.sqlite").unlink()
    assert len(found(store, "timed")) == 2
    with pytest.raises(InputError, match="damaged"):
        store.read(run(1).id)


@pytest.mark.parametrize("name", ["../x", "", ".lock", "a/b", "x" * 200])
def test_name_that_is_none_reaches_no_file(store: Store, name: str) -> None:
    with pytest.raises(InputError):
        store.read(name)


def test_run_with_very_many_logs_is_found_by_words_of_the_last(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(run(0), [Log(f"{n}.log", f"word{n}") for n in range(1500)])
    store.put(run(1), [Log("a.log", "word1499")])
    assert (run(0).id, "1499.log") in found(store, "word1499")
    store.remove([run(0).id])
    assert found(store, "word1499") == [(run(1).id, "a.log")]


def test_kept_text_is_masked_and_printable(tmp_path: Path) -> None:
    log = cleaned("a.log", "db_password = hunter2\n\x1b[2Jgone\n")
    assert log.text == "db_password = ***\n\N{REPLACEMENT CHARACTER}[2Jgone\n"


def test_files_of_a_job_are_kept_with_secrets_masked(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("token: hunter2\n")
    store = Store(tmp_path / "runs")
    kept = take_files(store, "job", [tmp_path / "a.log"], Ending.FAILED, "api_key=hunter2")
    assert kept.id.endswith("-job") and kept.error == "api_key=***"
    for file in (tmp_path / "runs").iterdir():
        assert b"hunter2" not in file.read_bytes()
        assert file.name == "index.sqlite" or not file.stat().st_mode & 0o077
    with pytest.raises(InputError, match="already"):
        take_files(store, "job", [tmp_path / "a.log"], Ending.FAILED)


def entry(n: int, stored: int) -> IndexEntry:
    return IndexEntry(run(n), stored * 10, stored)


def test_runs_go_by_age_then_the_oldest_by_size() -> None:
    runs = [entry(0, 50), entry(10, 30), entry(20, 30), entry(30, 30)]
    now = NOON + timedelta(minutes=30)
    gone = going(runs, now, timedelta(minutes=29), 60)
    assert [(one.entry.run.id, one.why) for one in gone] == [
        (run(0).id, "too old"),
        (run(10).id, "too much"),
    ]
    assert going(runs, now, None, 140) == []
    assert len(going(runs, now, None, 0)) == 4
    assert going(runs, now, timedelta(minutes=30), None) == []
