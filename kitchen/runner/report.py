"""What came out: a table for people, JUnit XML for CI."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from rich.table import Table

SHOWN = ("create", "prepare", "check", "converge", "idempotence", "verify", "side_effect")
TITLES = {"side_effect": "clean"}
LINE = re.compile(r"\[(?P<suite>[\w-]+) > (?P<step>\w+)\] Executed: (?P<how>\w+)")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One suite's run: how molecule called the end of each step, in their order; seconds; and of a
    failure the `output` up to it."""

    suite: str
    passed: bool
    seconds: float
    log: Path
    steps: dict[str, str] = field(default_factory=dict)
    output: str = ""

    @property
    def failed_step(self) -> str:
        """The first step that failed; 'start' if none was reached."""
        failed = [step for step, how in self.steps.items() if how == "Failed"]
        return "" if self.passed else (failed or ["start"])[0]


def steps_of(output: str) -> dict[str, str]:
    """Step -> 'Successful', 'Failed', ... from what molecule printed; the last word on each."""
    steps: dict[str, str] = {}
    for line in COLOUR.sub("", output).splitlines():
        if match := LINE.search(line):
            how = match["how"]
            # A step may run twice (destroy at both ends): a failure stays one.
            if steps.get(match["step"]) != "Failed":
                steps[match["step"]] = how
    return steps


def table(outcomes: Sequence[Outcome]) -> Table:
    """Suites by step."""
    rows = Table(title="kitchen")
    rows.add_column("suite")
    for step in SHOWN:
        rows.add_column(TITLES.get(step, step))
    rows.add_column("seconds", justify="right")
    for outcome in outcomes:
        marks = [_mark(outcome.steps.get(step)) for step in SHOWN]
        rows.add_row(outcome.suite, *marks, f"{outcome.seconds:.0f}")
    return rows


def _mark(how: str | None) -> str:
    return {"Successful": "passed", "Failed": "FAILED", None: ""}.get(how, str(how).lower())


def write(outcomes: Iterable[Outcome], file: Path) -> None:
    """Write JUnit XML to `file`, and make its folder if there is none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(junit(outcomes), encoding="utf-8")


def junit(outcomes: Iterable[Outcome]) -> str:
    """JUnit XML: one testsuite per suite, one testcase per step; a step not reached is skipped."""
    root = ElementTree.Element("testsuites", name="kitchen")
    for outcome in outcomes:
        steps = [step for step in SHOWN if step in outcome.steps] or [
            outcome.failed_step or "start"
        ]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=outcome.suite,
            tests=str(len(steps)),
            failures=str(int(not outcome.passed)),
            time=f"{outcome.seconds:.1f}",
        )
        if outcome.failed_step and outcome.failed_step not in steps:
            steps.append(outcome.failed_step)
        for step in steps:
            case = ElementTree.SubElement(suite, "testcase", classname=outcome.suite, name=step)
            if step == outcome.failed_step:
                failure = ElementTree.SubElement(case, "failure", message=f"{step} failed")
                failure.text = _printable(outcome.output)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _printable(text: str) -> str:
    """`text` without what XML 1.0 cannot hold."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "", COLOUR.sub("", text))
