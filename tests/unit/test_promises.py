"""docs/security.md: every finding has its row, and every test that it names is there."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(test_\w+(?:\.py|…)?)`")
PLACES = ("tests", "kitchen/suites")
FINDINGS = {f"S{n}" for n in range(1, 22)} | {f"D{n}" for n in range(1, 13)}


def rows() -> list[list[str]]:
    """The cells of each row but the head's: kind, what must be true, tests."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_finding_has_a_row_with_tests() -> None:
    named = {word for kind, *_ in rows() for word in re.findall(r"\b[SD]\d+\b", kind)}
    assert named >= FINDINGS, sorted(FINDINGS - named)
    bare = [kind for kind, _, tests in rows() if "`" not in tests]
    assert bare == []


def test_tests_that_hold_what_is_promised_are_there() -> None:
    files = list(chain.from_iterable((ROOT / at).rglob("test_*.py") for at in PLACES))
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    there = {file.name for file in files} | set(re.findall(r"^ *def (test_\w+)\(", text, re.M))
    named = set(NAMED.findall(TABLE.read_text(encoding="utf-8")))
    assert len(named) > 50
    missing = {
        name
        for name in named
        if name not in there
        and not (name.endswith("…") and any(one.startswith(name[:-1]) for one in there))
    }
    assert missing == set()
