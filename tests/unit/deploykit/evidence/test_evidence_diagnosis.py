"""Known or new: what signatures make of runs, and what they are worth over many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploykit.evidence.diagnosis import diagnose, figures, figures_of, known_in_folder, known_lines
from deploykit.logs.runs import Ending, Log, Run
from deploykit.logs.signatures import Signature
from deploykit.logs.store import Store
from deploykit.site import open_site

BUG = Signature("greenlet", "greenlet.error: (?P<why>.*)", "threads: {why}", bug="1572495")
SYMPTOM = Signature("failed", "^FAILED (?P<test>.*)", "{test}")


def test_fault_with_a_bug_is_known_and_says_where() -> None:
    found = diagnose(
        [Log("a.log", "x\nFAILED t\n"), Log("b.log", "greenlet.error: no\n" * 9)], [SYMPTOM, BUG]
    )
    assert found.known
    assert found.lines() == [
        "known: threads: no (1572495; signature greenlet, b.log:1)",
        "it says: t (a.log:2)",
    ]
    assert known_lines(found) == ["a known fault: threads: no: 1572495"]


def test_signature_without_a_bug_explains_nothing() -> None:
    found = diagnose([Log("a.log", "FAILED t\nFAILED t\n")], [SYMPTOM, BUG])
    assert not found.known
    assert found.lines() == [
        "new: no signature explains it",
        "it says: t (a.log:1)",
        "it says: t (a.log:2)",
    ]


def test_signature_is_too_broad_if_more_than_a_tenth_of_the_passing_show_it() -> None:
    passing = [(Ending.PASSED, ["greenlet"])] + [(Ending.PASSED, list[str]())] * 9
    assert figures(passing, [BUG]).broad == ()
    (broad,) = figures([*passing, (Ending.PASSED, ["greenlet"])], [BUG]).broad
    assert broad.share == "2 of 11 runs that passed"
    assert figures([], [BUG]).broad == ()


def test_rate_of_the_unexplained_is_that_of_failed_runs_without_a_bug() -> None:
    seen = [
        (Ending.FAILED, ["greenlet"]),
        (Ending.FAILED, ["failed"]),
        (Ending.FAILED, list[str]()),
        (Ending.FAILED, ["greenlet", "failed"]),
        (Ending.STOPPED, list[str]()),
        (Ending.UNKNOWN, list[str]()),
        (Ending.PASSED, list[str]()),
    ]
    found = figures(seen, [BUG, SYMPTOM])
    assert (found.failed, found.unexplained, found.rate) == (4, 2, 0.5)
    assert figures([], [BUG]).rate == 0


def test_figures_follow_the_signatures_and_the_runs(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def put(n: int, text: str) -> None:
        at = datetime(2026, 11, 28, tzinfo=UTC) + timedelta(minutes=n)
        store.put(Run(f"r{n}", "train", at, at, Ending.FAILED), [Log("a.log", text)])

    put(1, "greenlet.error: no")
    put(2, "FAILED t")
    assert figures_of(store, [BUG]).unexplained == 1
    assert figures_of(store, [SYMPTOM]).unexplained == 2
    known = Signature("failed", "^FAILED", "m", bug="2")
    assert figures_of(store, [BUG, known]).unexplained == 0
    put(3, "neither")
    assert figures_of(store, [BUG]).unexplained == 2
    store.remove(["r2"])
    assert figures_of(store, [BUG]).failed == 2


def test_known_fault_in_a_calls_folder_is_told_and_a_broken_signature_hides_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "site.yml").write_text("name: here\n")
    (tmp_path / "signatures").mkdir()
    own = tmp_path / "signatures" / "own.yml"
    own.write_text("signatures: {x: {pattern: 'no such thing', message: m, bug: 7}}\n")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_text("there is no such thing\n")
    site = open_site(tmp_path)
    assert known_in_folder(site, tmp_path / "logs") == ["a known fault: m: 7"]
    own.write_text("signatures: {x: 1}\n")
    assert known_in_folder(site, tmp_path / "logs") == []
