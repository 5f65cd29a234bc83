"""What is said of a run: steps from molecule's output, the table, JUnit, and sharing memory."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from runner import running
from runner.report import Outcome, junit, steps_of, table, write
from runner.running import Room, gist
from runner.suites import Suite

OUTPUT = """\
INFO     [mariadb > destroy] Executed: Successful
INFO     [mariadb > converge] Executed: Successful
TASK [x]
ERROR    [mariadb > idempotence] \x1b[31mExecuted: Failed\x1b[0m
INFO     [mariadb > destroy] Executed: Successful
"""
PASSED = {"create": "Successful", "converge": "Successful", "verify": "Successful"}


def outcome(name: str = "one", **words: object) -> Outcome:
    given = {"passed": True, "seconds": 2.0, "log": Path("log"), "steps": PASSED, **words}
    return Outcome(name, **given)  # type: ignore[arg-type]


def test_steps_are_read_from_what_molecule_printed() -> None:
    found = steps_of(OUTPUT)
    assert found == {"destroy": "Successful", "converge": "Successful", "idempotence": "Failed"}
    assert outcome(passed=False, steps=found).failed_step == "idempotence"


def test_failure_is_told_without_the_removal_and_molecule_s_own_log() -> None:
    said = "fatal: it broke\nINFO     noise\nPLAY [Take the suite's nodes down] **\nok: gone\n"
    assert gist(said) == "fatal: it broke"


def test_table_shows_every_suite_and_the_failed_step() -> None:
    console = Console(width=120, record=True, file=None)
    with console.capture() as captured:
        console.print(
            table([outcome("good"), outcome("bad", passed=False, steps=steps_of(OUTPUT))])
        )
    text = captured.get()
    assert "good" in text and "FAILED" in text


def test_junit_counts_a_failure_at_its_step_and_holds_no_control_characters() -> None:
    bad = outcome("bad", passed=False, steps=steps_of(OUTPUT), output="\x1b[31mbroke\x00")
    root = ElementTree.fromstring(junit([outcome("good"), bad]))
    suites = {suite.get("name"): suite for suite in root}
    assert suites["good"].get("failures") == "0"
    assert suites["bad"].get("failures") == "1"
    (failure,) = suites["bad"].iter("failure")
    assert failure.text == "broke"


def test_junit_goes_into_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "kitchen.xml"
    write([outcome("good")], file)
    assert ElementTree.parse(file).getroot().tag == "testsuites"


def test_suite_that_never_started_counts_as_failed() -> None:
    root = ElementTree.fromstring(junit([outcome(passed=False, steps={})]))
    assert [case.get("name") for case in root.iter("testcase")] == ["start"]
    assert len(list(root.iter("failure"))) == 1


def test_memory_is_shared_and_what_is_too_large_goes_alone() -> None:
    room, order = Room(100), []

    def take(name: str, part: float) -> None:
        with room.taken(part):
            order.append(f"{name} in")
            time.sleep(0.05)
            order.append(f"{name} out")

    threads = [threading.Thread(target=take, args=one) for one in (("a", 80), ("b", 1000))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=5)
    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])


def test_all_outcomes_come_in_the_order_of_the_suites_and_are_told_at_once() -> None:
    told: list[str] = []

    def tested(suite: Suite) -> Outcome:
        time.sleep(0.1 if suite.name == "slow" else 0)
        return outcome(suite.name)

    suites = [Suite("slow", ()), Suite("quick", ())]
    found = running.test_all(suites, 2, lambda one: told.append(one.suite), tested)
    assert [one.suite for one in found] == ["slow", "quick"]
    assert told == ["quick", "slow"]
